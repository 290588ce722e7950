"""Accuracies with what is known of them: the images are a sample, and another gives another."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache

from reports.columns import Row
from sizewise.core.evidence import (
    Evidence,
    accuracy_difference,
    accuracy_interval,
    read_evidence,
)
from sizewise.core.stats import Interval
from sizewise.core.trials import Accuracy, Metric

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
    together = measured_alike(a) == measured_alike(b)
    if not together or mine is None or others is None or not mine.shows_images_of(others):
        point = sign * (a.score(metric) - b.score(metric))
        return Interval(point=point, low=None, high=None)
    if metric.lower_is_better:
        mine, others = others, mine
    return accuracy_difference(mine, others, metric.name)


def measured_alike(row: Row) -> Hashable:
    """Equal in rows whose accuracies compare: the same images, and outputs read in one way, as far
    as a user said how."""
    known = row.result.accuracy
    return None if known is None else (known.measured_on, known.images)


def _of(row: Row) -> Evidence | None:
    known = row.result.accuracy
    return _evidence(known.evidence) if known is not None and known.evidence else None
