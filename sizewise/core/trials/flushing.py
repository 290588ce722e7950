"""An engine beside the same one that takes subnormal numbers as zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NOTICEABLE = 0.20
"""The share of a latency that taking subnormal numbers as zero must change to be worth a remark."""


@dataclass(frozen=True, kw_only=True)
class Flushing:
    """The median call of each turn of both, in nanoseconds: turn by turn, in pairs. ``share`` of
    the weights are subnormal numbers, 0–1."""

    share: float
    as_is_ns: tuple[float, ...]
    flushed_ns: tuple[float, ...]

    @property
    def as_is_ms(self) -> float:
        return _median(self.as_is_ns) / 1e6

    @property
    def flushed_ms(self) -> float:
        return _median(self.flushed_ns) / 1e6

    @property
    def ratio(self) -> float:
        """The time with subnormal numbers taken as zero, over that without: the median of pairs."""
        return _median(self._ratios())

    @property
    def matters(self) -> bool:
        """Whether latency changes by over 20 %, and the same way in every pair."""
        ratios = self._ratios()
        agreed = all(one < 1 for one in ratios) or all(one > 1 for one in ratios)
        return agreed and abs(self.ratio - 1) > NOTICEABLE

    def _ratios(self) -> list[float]:
        pairs = zip(self.flushed_ns, self.as_is_ns, strict=True)
        return [flushed / as_is for flushed, as_is in pairs]


def _median(values: Sequence[float]) -> float:
    # A child imports this file: ``statistics`` would count as memory there.
    ordered = sorted(values)
    half = len(ordered) // 2
    return (ordered[half] + ordered[~half]) / 2
