"""The choice of engines as numbers: sizes that come, engines that could serve them, and limits.

It is a facility location: an engine that is loaded costs memory, and each size is served by one of
those that are loaded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_EVEN = 1e-9
"""By so much, sums may exceed a limit: they are rounded."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What it takes to serve a size: milliseconds of a picture, and its accuracy (0–1; NaN where
    that is not known)."""

    ms: float
    accuracy: float = math.nan


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An engine that could be loaded: what it adds to the memory of the process, and how it serves
    sizes, by their numbers. It can't serve the others."""

    name: str
    memory_mib: float
    serves: Mapping[int, Serving]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """``shares`` of the traffic by size, which add up to 1; ``memory_mib`` is that of the process
    without engines.

    ``switches`` are the shares of pictures that come after one of another size, by both numbers;
    each costs ``switch_ms`` where another engine serves it. Limits are None where there is none:
    on memory, engines, the mean accuracy, and the milliseconds that a ``percentile`` (0–1) of the
    pictures may take.
    """

    shares: Sequence[float]
    candidates: Sequence[Candidate]
    memory_mib: float = 0.0
    switches: Mapping[tuple[int, int], float] = field(default_factory=dict)
    switch_ms: float = 0.0
    max_memory_mib: float | None = None
    max_engines: int | None = None
    min_accuracy: float | None = None
    max_ms: float | None = None
    percentile: float = 0.99

    def mean_ms(self, served: Sequence[int]) -> float:
        """Of a picture, where ``served`` has the candidate of each size."""
        calls = sum(
            share * self.candidates[one].serves[size].ms
            for size, (share, one) in enumerate(zip(self.shares, served, strict=True))
        )
        return calls + self.switch_ms * sum(
            share for (a, b), share in self.switches.items() if served[a] != served[b]
        )

    def accuracy(self, served: Sequence[int]) -> float:
        """The mean over the pictures."""
        return sum(
            share * self.candidates[one].serves[size].accuracy
            for size, (share, one) in enumerate(zip(self.shares, served, strict=True))
        )

    def memory_of(self, loaded: Sequence[int]) -> float:
        return self.memory_mib + sum(self.candidates[one].memory_mib for one in set(loaded))

    def fits(self, served: Sequence[int]) -> bool:
        """Whether the engines that serve keep to the limits."""
        loaded = sorted(set(served))
        late = sum(
            share
            for size, (share, one) in enumerate(zip(self.shares, served, strict=True))
            if self.max_ms is not None and self.candidates[one].serves[size].ms > self.max_ms
        )
        return (
            _at_most(self.memory_of(loaded), self.max_memory_mib)
            and _at_most(len(loaded), self.max_engines)
            and (self.min_accuracy is None or self.accuracy(served) >= self.min_accuracy - _EVEN)
            and late <= 1 - self.percentile + _EVEN
        )


def _at_most(value: float, limit: float | None) -> bool:
    return limit is None or value <= limit + _EVEN
