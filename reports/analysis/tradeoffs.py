"""Accuracy against latency: which rows compete, and which comparisons that takes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from reports.analysis.accuracies import gain, measured_alike
from reports.analysis.ratios import Ratios
from reports.analysis.useful import useful
from reports.columns import Row
from reports.rows.grouping import grouped, measured_of
from sizewise.core.evidence import is_as_good, is_more
from sizewise.core.stats import Interval
from sizewise.core.trials import METRICS, Metric

RANKED_BY = tuple(metric for metric in METRICS if metric.ranks)
"""What networks are compared by: detectors by AP, segmenters by mIoU, classifiers by top-1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Contest:
    """Measured rows whose accuracies and latencies compare (one metric, the same images, one
    harness, all with NMS inside or all without), fastest image first."""

    metric: Metric
    rows: tuple[Row, ...]
    ratios: Ratios
    _gains: dict[tuple[Row, Row], Interval] = field(default_factory=dict, init=False)

    @cached_property
    def most_accurate(self) -> Row:
        """The fastest where several are."""
        return max(self.rows, key=lambda row: row.score(self.metric))

    @cached_property
    def near(self) -> tuple[Row, ...]:
        """Rows that are as good as the most accurate one, and find something where it does."""
        best = self.most_accurate
        rows = useful(self.rows) or self.rows
        return tuple(row for row in rows if row is best or is_as_good(self.gain(row, best)))

    @cached_property
    def recommended(self) -> Row:
        """The fastest of these."""
        return self.ratios.fastest(self.near)

    def gain(self, a: Row, b: Row) -> Interval:
        """By how much ``a`` is more accurate than ``b``."""
        if (a, b) not in self._gains:
            self._gains[a, b] = gain(a, b, self.metric)
        return self._gains[a, b]

    def challengers(self, row: Row, margin: float) -> list[Row]:
        """Those that may put ``row`` off the Pareto front: the fastest one that is not shown to be
        less accurate, and the most accurate one that is not slower by more than a ``margin``.

        Medians alone choose them, so that few comparisons are spoken of.
        """
        ahead = [one for one in self.rows if one.image_ms <= row.image_ms * (1 + margin)]
        others = [one for one in ahead if one is not row]
        fastest = next((one for one in others if not is_more(self.gain(row, one))), None)
        peak = max(others, key=lambda one: one.score(self.metric), default=None)
        chosen = dict.fromkeys(one for one in (fastest, peak) if one is not None)
        return [one for one in chosen if not is_more(self.gain(row, one))]

    def spoken_of(self, margin: float) -> Iterator[tuple[Row, Row]]:
        """The pairs that the recommendation and the Pareto front rest on, beside those of a
        size."""
        best = self.recommended
        yield from ((best, row) for row in self.near if row is not best)
        if best is not self.most_accurate:
            yield best, self.most_accurate
        for row in self.rows:
            yield from ((other, row) for other in self.challengers(row, margin))


def contests(rows: Iterable[Row], ratios: Ratios) -> Iterator[Contest]:
    """One per metric, choice of images, way of reading outputs, place of NMS and harness; none
    where accuracy was not measured."""
    ordered = sorted(measured_of(rows), key=lambda row: row.image_ms)
    for metric in RANKED_BY:
        scored = scored_by(ordered, metric)
        for rivals in grouped(scored, _comparable).values():
            yield Contest(metric=metric, rows=tuple(rivals), ratios=ratios)


def _comparable(row: Row) -> Hashable:
    return measured_alike(row), row.nms, row.result.trial.harness


def scored_by(rows: Iterable[Row], metric: Metric) -> list[Row]:
    """Those with a score in ``metric``."""
    return [row for row in rows if not math.isnan(row.score(metric))]


def best_score(values: Iterable[float], metric: Metric) -> float:
    """The best of ``values``, NaN of none."""
    choose = min if metric.lower_is_better else max
    return choose(values, default=math.nan)
