"""Accuracies with what is known of them: the images are a sample, and another gives another."""

from __future__ import annotations

from functools import lru_cache

from reports.columns import Row
from sizewise.core.evidence import (
    Evidence,
    accuracy_difference,
    accuracy_interval,
    read_evidence,
)
from sizewise.core.evidence.intervals import TOLERANCE
from sizewise.core.stats import Interval
from sizewise.core.trials import Accuracy, Metric

ROUNDING = 1e-12
"""So that a difference of exactly ``TOLERANCE`` is within it."""
_REMEMBERED = 512


@lru_cache(maxsize=_REMEMBERED)
def _evidence(stored: bytes) -> Evidence:
    """Remembered with its resamples: each is compared with many."""
    return read_evidence(stored)


def accuracy_ends(accuracy: Accuracy, metric: Metric) -> tuple[float | None, float | None]:
    """The ends of the 95 % interval of ``metric``; None without evidence, and from one image.

    Raises RecordError where the evidence can't be read.
    """
    if not accuracy.evidence:
        return None, None
    interval = accuracy_interval(_evidence(accuracy.evidence), metric.name)
    return interval.low, interval.high


def gain(a: Row, b: Row, metric: Metric) -> Interval:
    """By how much ``a`` is better than ``b``, 0–1, where both were evaluated on the same images;
    without ends where no evidence was kept."""
    mine, others = (_of(row) for row in (a, b))
    sign = -1 if metric.lower_is_better else 1
    if mine is None or others is None or not mine.shows_images_of(others):
        point = sign * (a.score(metric) - b.score(metric))
        return Interval(point=point, low=None, high=None)
    if metric.lower_is_better:
        mine, others = others, mine
    return accuracy_difference(mine, others, metric.name)


def _of(row: Row) -> Evidence | None:
    known = row.result.accuracy
    return _evidence(known.evidence) if known is not None and known.evidence else None


def is_tie(gained: Interval) -> bool:
    """Whether the images can't tell the two apart; without an interval, equal scores tie."""
    if gained.low is None or gained.high is None:
        return abs(gained.point) <= ROUNDING
    return gained.low <= 0 <= gained.high


def is_more(gained: Interval) -> bool:
    """Whether the first is more accurate, as far as the images tell."""
    return gained.point > 0 and not is_tie(gained)


def is_as_good(gained: Interval) -> bool:
    """Whether the two tie, or the first is worse by ``TOLERANCE`` at most."""
    return is_tie(gained) or gained.point >= -TOLERANCE - ROUNDING
