"""Accuracy by the scale of a picture, from the sizes at which it was measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reports.analysis.tradeoffs import RANKED_BY
from reports.choice.planning.kinds import Group
from reports.columns import Row
from sizewise.core.specs import Size
from sizewise.core.trials import Metric

_Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Accuracy (0–1) of one model in one back end, by the side of the square input that its images
    were fitted into."""

    by_side: Mapping[int, float]

    def at(self, side_px: float) -> float:
        """Between sides that were measured, on a straight line; NaN below the smallest. Above the
        largest it is that of the largest."""
        sides, known = self._points
        if not sides or side_px < sides[0]:
            return math.nan
        return float(np.interp(side_px, sides, known))

    @cached_property
    def _points(self) -> tuple[list[int], list[float]]:
        sides = sorted(self.by_side)
        return sides, [self.by_side[side] for side in sides]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The curves of the groups, in one ``metric`` on the same images; there are none where accuracy
    was not measured."""

    metric: Metric | None
    by_model: Mapping[_Key, Curve]

    def of(self, group: Group) -> Curve:
        return self.by_model.get(_key(group.any), Curve(by_side={}))


def curves_of(groups: Iterable[Group]) -> Curves:
    """Of the metric and the images that most rows were measured with."""
    rows = [row for group in groups for row in group.rows.values()]
    known = [(metric, row) for row in rows for metric in RANKED_BY if not _is_unknown(row, metric)]
    if not known:
        return Curves(metric=None, by_model={})
    (metric, alike), _ = Counter((m, _alike(row)) for m, row in known).most_common(1)[0]
    scores: dict[_Key, dict[int, list[float]]] = {}
    for of, row in known:
        if of == metric and _alike(row) == alike and _is_square(row.size):
            by_side = scores.setdefault(_key(row), {})
            by_side.setdefault(row.size.height, []).append(row.score(metric))
    return Curves(
        metric=metric,
        by_model={
            key: Curve(by_side={side: float(np.mean(found)) for side, found in by_side.items()})
            for key, by_side in scores.items()
        },
    )


def _key(row: Row) -> _Key:
    return row.model_sha256, row.backend


def _alike(row: Row) -> object:
    accuracy = row.result.accuracy
    return accuracy.measured_on if accuracy else None


def _is_unknown(row: Row, metric: Metric) -> bool:
    return math.isnan(row.score(metric))


def _is_square(size: Size) -> bool:
    return size.height == size.width
