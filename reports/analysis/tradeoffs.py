"""Accuracy against latency: which rows compete, and which of them nothing beats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reports.columns import Row
from reports.grouping import grouped, measured_of
from sizewise.core.trials import RECORDED_METRICS, Metric

TOLERANCE = 0.005
"""Half a point of AP or IoU: what counts as good as the best."""
ROUNDING = 1e-12
"""So that a difference of exactly ``TOLERANCE`` is within it."""
RANKED_BY = tuple(metric for metric in RECORDED_METRICS if metric.ranks)
"""What networks are compared by: detectors by AP, segmenters by mIoU."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Measured rows whose accuracies compare (one metric, one data set), fastest image first."""

    metric: Metric
    rows: tuple[Row, ...]

    @property
    def best_score(self) -> float:
        return max(row.score(self.metric) for row in self.rows)

    @property
    def most_accurate(self) -> Row:
        """The fastest where several are."""
        return max(self.rows, key=lambda row: row.score(self.metric))

    @property
    def near(self) -> tuple[Row, ...]:
        """Rows within ``TOLERANCE`` of the best."""
        least = self.best_score - TOLERANCE - ROUNDING
        return tuple(row for row in self.rows if row.score(self.metric) >= least)

    @property
    def good_enough(self) -> tuple[Row, ...]:
        """The reliable ones of these; all of them where none is."""
        return tuple(row for row in self.near if row.reliable) or self.near


def contests(rows: Iterable[Row]) -> Iterator[Contest]:
    """One per metric and data set; none where accuracy was not measured."""
    ordered = sorted(measured_of(rows), key=lambda row: row.image_ms)
    for metric in RANKED_BY:
        scored = scored_by(ordered, metric)
        for rivals in grouped(scored, lambda row: row.data_sha256).values():
            yield Contest(metric=metric, rows=tuple(rivals))


def scored_by(rows: Iterable[Row], metric: Metric) -> list[Row]:
    """Those with a score in ``metric``."""
    return [row for row in rows if not math.isnan(row.score(metric))]


def best_score(values: Iterable[float], metric: Metric) -> float:
    """The best of ``values``, NaN of none."""
    choose = min if metric.lower_is_better else max
    return choose(values, default=math.nan)


def pareto_front(contest: Contest) -> list[Row]:
    """Rows that no other row beats in both latency per image and accuracy, fastest first."""
    front: list[Row] = []
    highest = -1.0
    for row in sorted(contest.rows, key=lambda row: (row.image_ms, -row.score(contest.metric))):
        if row.score(contest.metric) > highest:
            front.append(row)
            highest = row.score(contest.metric)
    return front
