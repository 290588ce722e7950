"""Geometric means of ratios, as ratios that are judged beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from reports.analysis.ratios import with_p
from sizewise.core.stats import CONFIDENCE, How, Ratio, geometric_mean
from sizewise.core.stats.estimates import pooled_degrees

_LOOSEST: tuple[How, ...] = ("apart", "anchored", "together")


def mean_ratio(ratios: Sequence[Ratio]) -> Ratio:
    """The geometric mean of ``ratios`` (one at least); without an interval where one has none."""
    if len(ratios) == 1:
        return ratios[0]
    mean = geometric_mean(ratios)
    degrees = _degrees(ratios)
    return with_p(
        Ratio(
            ratio=mean.ratio,
            low=mean.low,
            high=mean.high,
            how=min((ratio.how for ratio in ratios), key=_LOOSEST.index),
            error=_error(mean.low, mean.high, degrees),
            degrees=degrees,
            shared=sum(ratio.shared for ratio in ratios) / len(ratios),
            waves=min(ratio.waves for ratio in ratios),
            disturbed=any(ratio.disturbed for ratio in ratios),
            crowded=any(ratio.crowded for ratio in ratios),
        )
    )


def _degrees(ratios: Sequence[Ratio]) -> float | None:
    """Those of the mean's variance, as ``sizewise.core.stats.geometric_mean`` adds it up."""
    known = [(r.error, r.shared, r.degrees) for r in ratios if r.error is not None and r.degrees]
    if len(known) < len(ratios):
        return None
    error, shared, degrees = (np.array(column) for column in zip(*known, strict=True))
    own = np.maximum(error**2 - shared**2, 0) / len(ratios) ** 2
    return float(pooled_degrees(own, degrees, float(shared.mean()) ** 2))


def _error(low: float | None, high: float | None, degrees: float | None) -> float | None:
    """The standard error of the logarithm, from the interval that was made of it."""
    if low is None or high is None or degrees is None:
        return None
    half = math.log(high / low) / 2
    return half / float(special.stdtrit(degrees, (1 + CONFIDENCE) / 2))
