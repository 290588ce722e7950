"""Accuracy by the scale of a picture, from the sizes at which it was measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reports.analysis.tradeoffs import RANKED_BY
from reports.choice.planning.kinds import Group
from reports.columns import Row
from sizewise.core.specs import Size, Suppression
from sizewise.core.trials import Metric

Array = NDArray[np.float64]
_HALF = 0.5
"""Of a pixel."""
CurveKey = tuple[str, str]
Images = tuple[str, str, Suppression | None, str]
"""``Accuracy.measured_on``."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Accuracy (0–1) of one model in one back end, by the side of the square input that its images
    were fitted into. A plan that was measured corrects it: ``gain`` is what images gain (below 0:
    lose) at inputs of other shapes than square, or smaller ones than others of this scale fill, and
    ``gain_anywhere`` what they gain at all inputs."""

    by_side: Mapping[int, float]
    gain: float = 0.0
    gain_anywhere: float = 0.0

    def at(self, side_px: float) -> float:
        """Between sides that were measured, on a straight line; NaN below the smallest. Above the
        largest it is that of the largest."""
        return float(self._at(np.array(side_px)))

    def placed(self, side_px: float, place: Size) -> float:
        """As :meth:`at`, of images that are as large as those in a square of this side, and run at
        the input ``place``."""
        found = self.all_placed(np.array(side_px), np.array(place.height), np.array(place.width))
        return float(found)

    def all_placed(self, sides_px: Array, heights: Array, widths: Array) -> Array:
        """As :meth:`placed`, of many."""
        gain = np.where(_as_measured(sides_px, heights, widths), 0.0, self.gain)
        return np.asarray(self._at(sides_px) + self.gain_anywhere + gain)

    def _at(self, sides_px: Array) -> Array:
        sides, known = self._points
        if not sides:
            return np.full_like(sides_px, np.nan, dtype=np.float64)
        found = np.interp(sides_px, sides, known)
        return np.where(sides_px < sides[0], np.nan, found)

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

    def moved(self, keys: Collection[CurveKey], gain: float, gain_anywhere: float) -> Curves:
        """With so much more on the curves of these keys."""
        moved = {
            key: replace(one, gain=one.gain + gain, gain_anywhere=one.gain_anywhere + gain_anywhere)
            if key in keys
            else one
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


def is_as_measured(side_px: float, place: Size) -> bool:
    """Whether images of this scale run at the square input that it was measured in."""
    sizes = (np.array(side) for side in (side_px, place.height, place.width))
    return bool(_as_measured(*sizes))


def _as_measured(sides_px: Array, heights: Array, widths: Array) -> NDArray[np.bool_]:
    return np.asarray((heights == widths) & (np.abs(heights - sides_px) < _HALF))


def is_square(size: Size) -> bool:
    return size.height == size.width
