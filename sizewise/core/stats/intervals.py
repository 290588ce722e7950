"""Points with intervals, by Student's t.

At 95 % it covers 94–95 % for as few as three values, where a percentile bootstrap covers 73 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sizewise.core.stats.estimates import half_width, mean_of

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A point and its 95 % interval; ``low`` and ``high`` are None where one value is all."""

    point: float
    low: float | None
    high: float | None

    @classmethod
    def around(cls, point: float, half: float | None) -> Interval:
        if half is None:
            return cls(point=point, low=None, high=None)
        return cls(point=point, low=point - half, high=point + half)

    def exponential(self) -> Interval:
        """The interval of the values whose logarithms these are."""
        return Interval(
            point=math.exp(self.point),
            low=None if self.low is None else math.exp(self.low),
            high=None if self.high is None else math.exp(self.high),
        )

    def times(self, factor: float) -> Interval:
        """The interval in another unit; ``factor`` is positive."""
        return Interval(
            point=self.point * factor,
            low=None if self.low is None else self.low * factor,
            high=None if self.high is None else self.high * factor,
        )

    @property
    def width(self) -> float | None:
        """Half its width as a share of the point: the square root of high ÷ low, less 1."""
        return half_share(self.low, self.high)


def half_share(low: float | None, high: float | None) -> float | None:
    """Half the width of an interval of positive values, as a share: 0.05 is ±5 %.

    None without an interval, and where it begins at 0.
    """
    if low is None or high is None or low <= 0:
        return None
    return math.sqrt(high / low) - 1


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The interval of the mean of independent values."""
    one = mean_of(np.asarray(values, dtype=np.float64))
    half = float(half_width(one, confidence)) if len(values) > 1 else None
    return Interval.around(float(one.point), half)
