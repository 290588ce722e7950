"""Average precision as Pascal VOC defines it (Everingham et al. 2010, section 4.2; its development
kit).

It differs from COCO's at an IoU of .50. A detection belongs to the object that it overlaps most,
even where a better detection has that one already and another object is left. A detection of a
difficult object counts neither as right nor as wrong, and those are the crowds of a data set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.figures import Figures

if TYPE_CHECKING:
    from netzoo.data.coco.dataset import AnnotatedImage, Dataset

Boxes = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LEAST_IOU = 0.5
_STEPS = 10
"""The recalls of VOC 2007 are 0, 1/10 … 1."""


def voc_figures(
    dataset: Dataset, detections: Mapping[int, Detections], *, eleven_points: bool
) -> Figures:
    """The mean AP over the classes that occur, and AP of each.

    ``detections`` are of every image, by its id. With ``eleven_points``, AP is the mean precision
    at 11 recalls (VOC 2007), else the area below precision over recall (VOC 2010 and later).
    """
    by_class: dict[str, float] = {}
    for label, name in enumerate(dataset.classes):
        objects = sum(int((image.labels == label).sum()) for image in dataset.images)
        if objects:
            right = _ranked(dataset, detections, label)
            ap = _at_recalls if eleven_points else _area
            by_class[name] = ap(right, objects)
    mean = sum(by_class.values()) / len(by_class) if by_class else None
    return Figures(values={"map": mean}, ap_by_class=by_class)


def _ranked(dataset: Dataset, detections: Mapping[int, Detections], label: int) -> Flags:
    """Whether each detection of a class is right, over all images and best first. Those of
    difficult objects are left out."""
    scores, right = [np.empty(0)], [np.empty(0, np.bool_)]
    for image in dataset.images:
        found = detections[image.id]
        own = np.flatnonzero(found.labels == label)
        if len(own):
            best_first = own[np.argsort(-found.scores[own], kind="stable")]
            hits = list(_hits(image, found.boxes[best_first].astype(np.float64), label))
            counted = np.array([hit is not None for hit in hits])
            scores.append(found.scores[best_first][counted])
            right.append(np.array([hit for hit in hits if hit is not None], np.bool_))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return np.concatenate(right)[order]


def _hits(image: AnnotatedImage, found: Boxes, label: int) -> Iterator[bool | None]:
    """Of each detection of a class in an image, best first: whether it is right; None where it is
    of a difficult object."""
    single = image.boxes[image.labels == label]
    objects = np.concatenate([single, image.crowd_boxes[image.crowd_labels == label]])
    overlaps = _iou(found, objects.astype(np.float64))
    taken: set[int] = set()
    for row in overlaps:
        best = int(row.argmax()) if len(row) else -1
        if best < 0 or row[best] < _LEAST_IOU:
            yield False
        elif best >= len(single):
            yield None
        else:
            yield best not in taken
            taken.add(best)


def _iou(one: Boxes, other: Boxes) -> Boxes:
    """Intersection over union of each of [N, 4] with each of [M, 4], [N, M], in float64: a box that
    is right to the pixel may be at the threshold exactly."""
    first = np.maximum(one[:, None, :2], other[:, :2])
    last = np.minimum(one[:, None, 2:], other[:, 2:])
    shared = (last - first).clip(0).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (one, other)]
    union = areas[0][:, None] + areas[1] - shared
    iou: Boxes = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return iou


def _at_recalls(right: Flags, objects: int) -> float:
    """The mean over 11 recalls of the best precision at that recall or a higher one. Recalls are
    compared as whole numbers: 3 of 10 is .3, which it is not in floats."""
    hits = right.cumsum()
    precision = hits / np.arange(1, len(right) + 1)
    best = [
        float(precision[hits * _STEPS >= step * objects].max(initial=0))
        for step in range(_STEPS + 1)
    ]
    return sum(best) / len(best)


def _area(right: Flags, objects: int) -> float:
    """The area below precision, made to fall, over recall."""
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float(falling[right].sum()) / objects
