"""Dynamic engines against per-resolution ones of the same model, back end and size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.columns import Row
from reports.grouping import by_pixels, grouped, measured_of
from reports.labels import PAIRED_BY
from sizewise.core.stats import Ratio, compare_results


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An engine for many sizes and the ``static`` one of a size. ``ratio`` is the latency of the
    first over that of the second."""

    row: Row
    static: Row
    ratio: Ratio

    @property
    def reliable(self) -> bool:
        """Measured by turns, and both rows reliable: where two engines are measured apart in time,
        drift of the machine passes for a difference of the engines."""
        return self.ratio.paired and self.row.reliable and self.static.reliable

    @property
    def significant(self) -> bool:
        return self.ratio.verdict in ("faster", "slower")


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A geometric mean of ratios with its 95 % interval (None where a ratio has none)."""

    ratio: float
    low: float | None
    high: float | None
    count: int


def compare_rows(row: Row, base: Row) -> Ratio:
    """Latency of ``row`` over that of ``base``, both measured."""
    return compare_results(row.result, base.result)


def find_pairs(rows: Iterable[Row]) -> tuple[Pair, ...]:
    """Every measured engine that is not static with its static one, the smallest size first."""
    ordered = by_pixels(measured_of(rows))
    static = grouped((row for row in ordered if row.strategy == "static"), _key)
    return tuple(
        Pair(row=row, static=one, ratio=compare_rows(row, one))
        for row in ordered
        if row.strategy != "static"
        for one in static.get(_key(row), ())
    )


def _key(row: Row) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in (*PAIRED_BY, "size"))


def best_of(pairs: Sequence[Pair]) -> Sequence[Pair]:
    """The reliable ones; all of them where none is."""
    return [pair for pair in pairs if pair.reliable] or pairs


def geometric_mean(ratios: Sequence[Ratio]) -> Mean:
    """The mean of ``ratios`` as they are: its interval is of the engines measured, not of others.

    Ratios at different sizes come from different processes, so the half-widths of their log
    intervals add in quadrature. As these are Student's t with few degrees of freedom each, the
    interval of the mean is, if anything, too wide.
    """
    logs = [math.log(ratio.ratio) for ratio in ratios]
    mean = sum(logs) / len(logs)
    halves = [_log_half(ratio) for ratio in ratios]
    known = [half for half in halves if half is not None]
    half = math.hypot(*known) / len(ratios) if len(known) == len(ratios) else None
    return Mean(
        ratio=math.exp(mean),
        low=None if half is None else math.exp(mean - half),
        high=None if half is None else math.exp(mean + half),
        count=len(ratios),
    )


def best_mean(pairs: Sequence[Pair]) -> Mean:
    """The mean over the reliable pairs; over all of them where none is."""
    return geometric_mean([pair.ratio for pair in best_of(pairs)])


def _log_half(ratio: Ratio) -> float | None:
    if ratio.low is None or ratio.high is None:
        return None
    return (math.log(ratio.high) - math.log(ratio.low)) / 2


def by_backend(pairs: Iterable[Pair], strategy: str = "dynamic") -> dict[str, list[Pair]]:
    """Pairs of one strategy, in the order in which back ends first appear."""
    chosen = (pair for pair in pairs if pair.row.strategy == strategy)
    return grouped(chosen, lambda pair: pair.row.backend)
