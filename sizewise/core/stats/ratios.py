"""The ratio of two latencies, and means of such ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sizewise.core.stats.estimates import Estimate, half_width, p_value, pooled_degrees
from sizewise.core.stats.intervals import CONFIDENCE, half_share

How = Literal["together", "anchored", "apart"]


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Latency of ``a`` over that of ``b`` with its 95 % interval.

    ``how`` says how they were measured: by turns (``together``), in other waves or runs with the
    anchor beside both (``anchored``), or ``apart`` in time: then there is no interval, and never a
    verdict. One wave is too few for an interval, however it was measured.

    ``error`` is the standard error of the logarithm and ``degrees`` its degrees of freedom;
    ``shared`` is the part of it that other ratios between the same runs share. ``p`` is the chance
    of a ratio so far from 1 where both are equally fast. ``disturbed`` says that in one of the
    ``waves`` fewer than half of the rounds had an undisturbed attempt: the rule that marks a row.
    ``crowded`` says that others took so much of the cores meanwhile that its interval means nothing
    (``sizewise.core.trials.disturbances.CROWDED``).
    """

    ratio: float
    low: float | None = None
    high: float | None = None
    how: How = "apart"
    p: float | None = None
    error: float | None = None
    degrees: float | None = None
    shared: float = 0.0
    waves: int = 0
    disturbed: bool = False
    crowded: bool = False

    @property
    def width(self) -> float | None:
        """Half the width of the interval, as a share of the ratio."""
        return half_share(self.low, self.high)

    def log_interval(self, confidence: float) -> tuple[float, float] | None:
        """The interval of the logarithm; None where there is none."""
        half = _half(self.error, self.degrees, confidence)
        if half is None:
            return None
        return math.log(self.ratio) - half, math.log(self.ratio) + half

    def inverse(self) -> Ratio:
        """Latency of ``b`` over that of ``a``."""
        return replace(
            self,
            ratio=1 / self.ratio,
            low=None if self.high is None else 1 / self.high,
            high=None if self.low is None else 1 / self.low,
        )


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A geometric mean of ratios with its 95 % interval (None where a ratio has none)."""

    ratio: float
    low: float | None
    high: float | None
    count: int


def ratio_of(
    one: Estimate,
    how: How,
    *,
    waves: int,
    shared: float,
    disturbed: bool,
    crowded: bool = False,
) -> Ratio:
    """The ratio whose logarithm was estimated."""
    error, degrees, point = math.sqrt(one.variance), float(one.degrees), float(one.point)
    half = _half(error, degrees, CONFIDENCE) or 0.0
    return Ratio(
        ratio=math.exp(point),
        low=math.exp(point - half),
        high=math.exp(point + half),
        how=how,
        p=float(p_value(one)),
        error=error,
        degrees=degrees,
        shared=shared,
        waves=waves,
        disturbed=disturbed,
        crowded=crowded,
    )


def geometric_mean(ratios: Sequence[Ratio]) -> Mean:
    """The mean of ``ratios`` as they are: its interval is of the engines measured, not of others.

    Ratios at different sizes come from different processes, so the variances of their logarithms
    add (degrees of freedom by Satterthwaite). What they share does not average out: it stays as
    large as it is in one of them.
    """
    count = len(ratios)
    mean = sum(math.log(ratio.ratio) for ratio in ratios) / count
    half = _half_of_mean(ratios)
    return Mean(
        ratio=math.exp(mean),
        low=None if half is None else math.exp(mean - half),
        high=None if half is None else math.exp(mean + half),
        count=count,
    )


def _half_of_mean(ratios: Sequence[Ratio]) -> float | None:
    known = [(r.error, r.degrees, r.shared) for r in ratios if r.error is not None and r.degrees]
    if len(known) < len(ratios):
        return None
    errors, degrees, shared = (
        np.array(column, dtype=np.float64) for column in zip(*known, strict=True)
    )
    own = np.maximum(errors**2 - shared**2, 0) / len(ratios) ** 2
    common = float(shared.mean()) ** 2
    error = math.sqrt(own.sum() + common)
    return _half(error, float(pooled_degrees(own, degrees, common)), CONFIDENCE)


def _half(error: float | None, degrees: float | None, confidence: float) -> float | None:
    if error is None or degrees is None:
        return None
    return float(half_width(Estimate.single(0, error**2, degrees), confidence))
