"""Intervals of accuracy by bootstrap over images, and ties.

The images are a sample, and another sample would give another accuracy: resamples show by how much.
Average precision comes out too high in small samples, and in resamples once more. So the interval
of an accuracy is bias-corrected (BC: Efron, "Better Bootstrap Confidence Intervals", JASA 82,
1987). Two engines that were evaluated on the same images are compared over the same resamples: what
is common to both cancels, such as that bias and images that are hard for any network. The interval
of a difference is that of the percentiles. Where there are too many objects for a thousand
resamples, both are normal intervals, by the standard deviation of the resamples. (The tests
simulate what all of these cover.)
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from sizewise.core.errors import RecordError
from sizewise.core.evidence.base import Evidence
from sizewise.core.evidence.resampling import RESAMPLES, Floats, Values

if TYPE_CHECKING:
    from sizewise.core.stats.intervals import Interval

CONFIDENCE = 0.95
_ENDS = np.array([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
_NORMAL = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
TOLERANCE = 0.005
"""Half a point of AP or IoU: what counts as good as the best."""
ROUNDING = 1e-12
"""So that a difference of exactly ``TOLERANCE`` is within it."""
AS_GOOD = (
    f"the {100 * CONFIDENCE:.0f} % interval of their difference, by bootstrap over images, holds "
    f"0, or it is less accurate by {100 * TOLERANCE:g} points at most"
)
"""When an engine ("it") is as good as another, as :func:`is_as_good` decides it."""


def accuracy_interval(evidence: Evidence, metric: str) -> Interval:
    """The metric and its 95 % interval; a single image has none.

    Raises RecordError where the evidence is of another metric.
    """
    return _interval(evidence.resampled.of(metric), evidence.count, _corrected)


def accuracy_difference(a: Evidence, b: Evidence, metric: str) -> Interval:
    """The metric of ``a`` minus that of ``b``, and the 95 % interval of the difference.

    Raises RecordError where they are not of the same images, or of another metric.
    """
    if not a.shows_images_of(b):
        raise RecordError(
            "Two accuracies can't be compared",
            f"they were measured on different images ({a.count} and {b.count})",
            "Measure both on the same images of the same data.",
        )
    return _interval(a.resampled.of(metric) - b.resampled.of(metric), a.count, lambda _: _ENDS)


def is_tie(gained: Interval) -> bool:
    """Whether the images can't tell two engines apart: the interval of their difference holds 0.
    Without an interval, equal accuracies tie."""
    if gained.low is None or gained.high is None:
        return abs(gained.point) <= ROUNDING
    return gained.low <= 0 <= gained.high


def is_more(gained: Interval) -> bool:
    """Whether the first is more accurate, as far as the images tell. ``gained`` is by how much it
    is better."""
    return gained.point > 0 and not is_tie(gained)


def is_as_good(gained: Interval) -> bool:
    """Whether the two tie, or the first is worse by ``TOLERANCE`` at most.

    So one that is certainly worse, by more than that, is never as good: nor is 1.6 points less
    (0.2 to 3.0), though the end of its interval is within the tolerance.
    """
    return is_tie(gained) or gained.point >= -TOLERANCE - ROUNDING


def _corrected(values: Values) -> Floats:
    """The levels of the BC interval: moved by twice what lies between the metric and the resamples'
    median, in standard deviations."""
    from scipy.special import ndtr, ndtri

    known = _known(values)
    below = ((known < values.whole).mean() + (known <= values.whole).mean()) / 2
    least = 1 / (2 * len(known))
    levels: Floats = ndtr(2 * ndtri(min(max(below, least), 1 - least)) + ndtri(_ENDS))
    return levels


def _interval(values: Values, images: int, levels_of: Callable[[Values], Floats]) -> Interval:
    # With it comes scipy, which who notes evidence does without.
    from sizewise.core.stats.intervals import Interval

    known = _known(values)
    if images < 2 or len(known) < 2:
        return Interval(point=values.whole, low=None, high=None)
    if len(values.resampled) < RESAMPLES:
        return Interval.around(values.whole, _NORMAL * float(known.std(ddof=1)))
    low, high = np.quantile(known, levels_of(values)).tolist()
    return Interval(point=values.whole, low=low, high=high)


def _known(values: Values) -> Floats:
    return values.resampled[~np.isnan(values.resampled)]
