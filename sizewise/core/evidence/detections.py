"""Evidence of detection: what was found in each image, and which of it COCO counts as right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sizewise.core.evidence.average_precision import Ranking, average_precision
from sizewise.core.evidence.base import Evidence, FlawError, Weights, demand_length, shares_of
from sizewise.core.evidence.resampling import FEWEST, RESAMPLES

THRESHOLDS = 10
"""IoU .50:.05:.95, as COCO has them: bit 0 of ``matched`` and ``ignored`` is .50."""
PIXEL = 16
"""Boxes are whole numbers of sixteenths of a pixel."""
_MOST_CLASSES = 2**16
_OBJECTS = 4_000_000
"""Of all resamples together, about: an interval then takes a second or two."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectionEvidence(Evidence):
    """Detections, image by image, class by class, best first; then the objects to be found.

    ``image`` is the place of each detection's image, ``label`` its class, ``x0`` to ``y1`` its box
    in sixteenths of the picture's pixels. Bit t of ``matched``: it is an object at IoU threshold t;
    of ``ignored``: it counts neither as right nor as wrong there (it lies in a crowd). Of a class
    in an image there are the 100 best, for others never count. ``object_image`` and
    ``object_label`` are of the objects, crowds left out.
    """

    image: NDArray[np.integer]
    label: NDArray[np.integer]
    score: NDArray[np.floating]
    x0: NDArray[np.integer]
    y0: NDArray[np.integer]
    x1: NDArray[np.integer]
    y1: NDArray[np.integer]
    matched: NDArray[np.integer]
    ignored: NDArray[np.integer]
    object_image: NDArray[np.integer]
    object_label: NDArray[np.integer]

    task: ClassVar[str] = "detection"
    types: ClassVar[Mapping[str, str]] = {
        "image": "<u4",
        "label": "<u4",
        "score": "<f4",
        "x0": "<i4",
        "y0": "<i4",
        "x1": "<i4",
        "y1": "<i4",
        "matched": "<u2",
        "ignored": "<u2",
        "object_image": "<u4",
        "object_label": "<u4",
    }

    @property
    def resamples(self) -> int:
        """Fewer where there are more than 4,000 objects to be found."""
        return max(FEWEST, min(RESAMPLES, _OBJECTS // max(1, len(self.object_image))))

    def metrics(self, weights: Weights) -> dict[str, NDArray[np.float64]]:
        """AP and AP50 as COCO's own program gives them for a data set in which image i stands
        ``weights[:, i]`` times, one after another.

        (Where two detections of one class in one image have the same score, the copies of each are
        taken to follow one another.)
        """
        sums = np.zeros((THRESHOLDS, len(weights)))
        classes = np.zeros(len(weights))
        by_image = np.ascontiguousarray(weights.T)
        for ranking in self._rankings:
            found = average_precision(ranking, by_image)
            present = ~np.isnan(found[0])  # a choice of images may have no object of the class
            sums += np.where(present, found, 0)
            classes += present
        by_threshold = shares_of(sums, np.broadcast_to(classes, sums.shape))
        return {"ap": by_threshold.mean(axis=0), "ap50": by_threshold[0]}

    @cached_property
    def _rankings(self) -> tuple[Ranking, ...]:
        """The detections of each class that has objects, best first; of equals, by image."""
        best_first = np.lexsort((-self.score, self.label))
        by_label = np.argsort(self.object_label, kind="stable")
        return tuple(
            self._ranking(
                best_first[_part(self.label[best_first], label)],
                by_label[_part(self.object_label[by_label], label)],
            )
            for label in np.unique(self.object_label).tolist()
        )

    def _ranking(self, detections: NDArray[np.int64], objects: NDArray[np.int64]) -> Ranking:
        return Ranking(
            image=self.image[detections].astype(np.int64),
            matched=_bits(self.matched[detections]),
            ignored=_bits(self.ignored[detections]),
            objects=self.object_image[objects].astype(np.int64),
        )

    def _check(self) -> None:
        columns = self.columns()
        objects = [columns.pop(name) for name in ("object_image", "object_label")]
        demand_length(objects, len(self.object_image))
        demand_length(columns.values(), len(self.image))
        for images, labels in ((self.image, self.label), (self.object_image, self.object_label)):
            if (images >= self.count).any() or (np.diff(images.astype(np.int64)) < 0).any():
                raise FlawError("its images are not in order")
            if (labels >= _MOST_CLASSES).any():
                raise FlawError("it has too many classes")
        both = self.matched & self.ignored
        if ((self.matched | self.ignored) >> THRESHOLDS).any() or both.any():
            raise FlawError("a detection is matched as none can be")
        if not np.isfinite(self.score).all():
            raise FlawError("a score is no number")
        self._check_matches()

    def _check_matches(self) -> None:
        """Raise FlawError where more objects of a class are found in an image than are there."""
        there, counts = np.unique(
            self._keys(self.object_image, self.object_label), return_counts=True
        )
        keys = self._keys(self.image, self.label)
        place = np.searchsorted(there, keys)
        known = np.isin(keys, there)
        matched = _bits(self.matched)
        for hits in matched:
            found = np.bincount(place[hits & known], minlength=len(there))
            if (hits & ~known).any() or (found > counts).any():
                raise FlawError("more is matched than there is to find")

    def _keys(self, images: NDArray[np.integer], labels: NDArray[np.integer]) -> NDArray[np.int64]:
        return images.astype(np.int64) * _MOST_CLASSES + labels


def _part(ordered: NDArray[np.integer], label: int) -> slice:
    """Where ``label`` is in labels that are in order."""
    return slice(*np.searchsorted(ordered, [label, label + 1]).tolist())


def _bits(flags: NDArray[np.integer]) -> NDArray[np.bool_]:
    """[thresholds, N] of ``flags`` [N]."""
    places = np.arange(THRESHOLDS)[:, None]
    bits: NDArray[np.bool_] = (flags.astype(np.int64) >> places & 1).astype(np.bool_)
    return bits
