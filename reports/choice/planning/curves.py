"""Accuracy by the scale of a picture, from the sizes at which it was measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from reports.analysis.tradeoffs import RANKED_BY
from reports.choice.planning.kinds import Group
from reports.columns import Row
from sizewise.core.specs import Size, Suppression
from sizewise.core.trials import Metric

CurveKey = tuple[str, str]
Images = tuple[str, str, Suppression | None, str]
"""``Accuracy.measured_on``."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Accuracy (0–1) of one model in one back end, by the side of the square input that its images
    were fitted into. ``offset`` is what images at the places of a plan were found to gain against
    that (below 0: they lose)."""

    by_side: Mapping[int, float]
    offset: float = 0.0

    def at(self, side_px: float) -> float:
        """Between sides that were measured, on a straight line; NaN below the smallest. Above the
        largest it is that of the largest."""
        sides, known = self._points
        if not sides or side_px < sides[0]:
            return math.nan
        return float(np.interp(side_px, sides, known))

    def placed(self, side_px: float) -> float:
        """As :meth:`at`, of images at the places of a plan."""
        return self.at(side_px) + self.offset

    @cached_property
    def _points(self) -> tuple[list[int], list[float]]:
        sides = sorted(self.by_side)
        return sides, [self.by_side[side] for side in sides]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The curves of the groups, in one ``metric`` on the same images; there are none where accuracy
    was not measured."""

    metric: Metric | None
    by_model: Mapping[CurveKey, Curve]

    def of(self, group: Group) -> Curve:
        return self.by_model.get(curve_key(group.any), Curve(by_side={}))

    def moved(self, keys: Collection[CurveKey], gain: float) -> Curves:
        """With so much more for images at the places of a plan, on the curves of these keys."""
        moved = {
            key: replace(one, offset=one.offset + gain) if key in keys else one
            for key, one in self.by_model.items()
        }
        return replace(self, by_model=moved)


def curves_of(groups: Iterable[Group], images: Images | None = None) -> Curves:
    """Of the metric and the images that most rows were measured with, or of these ``images``."""
    rows = [row for group in groups for row in group.rows.values()]
    if images is not None:
        rows = [row for row in rows if images_of(row) == images]
    known = [(metric, row) for row in rows for metric in RANKED_BY if not _is_unknown(row, metric)]
    if not known:
        return Curves(metric=None, by_model={})
    (metric, alike), _ = Counter((m, images_of(row)) for m, row in known).most_common(1)[0]
    scores: dict[CurveKey, dict[int, list[float]]] = {}
    for of, row in known:
        if of == metric and images_of(row) == alike and is_square(row.size):
            by_side = scores.setdefault(curve_key(row), {})
            by_side.setdefault(row.size.height, []).append(row.score(metric))
    return Curves(
        metric=metric,
        by_model={
            key: Curve(by_side={side: float(np.mean(found)) for side, found in by_side.items()})
            for key, by_side in scores.items()
        },
    )


def curve_key(row: Row) -> CurveKey:
    """Equal in rows whose accuracy is one curve's: the model's hash, and the back end."""
    return row.model_sha256, row.backend


def images_of(row: Row) -> Images | None:
    """What the accuracy of a row was measured on; None where it was not."""
    accuracy = row.result.accuracy
    return accuracy.measured_on if accuracy else None


def _is_unknown(row: Row, metric: Metric) -> bool:
    return math.isnan(row.score(metric))


def is_square(size: Size) -> bool:
    return size.height == size.width
