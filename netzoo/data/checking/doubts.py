"""What may be wrong in a picture and its boxes, though they can be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from netzoo.data.coco.dataset import AnnotatedImage
from netzoo.data.pictures.kinds import has_sixteen_bits, is_cmyk, is_turned

DoubtKind = Literal[
    "beyond", "tiny", "duplicate", "sixteen_bit", "cmyk", "turned", "in_both", "empty_mask"
]
SHORT_PX = 3.0
"""A box with a shorter side shows hardly anything, and nothing once the picture is made smaller."""
_SLACK_PX = 1.0
"""So far over the border, boxes are rounded and not wrong."""
_SAME_IOU = 0.95
"""At no threshold of COCO could two such boxes be told apart."""

Boxes = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """What is doubtful: its kind, the picture, and why."""

    kind: DoubtKind
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def doubts_of_picture(path: Path) -> Iterator[Doubt]:
    """What other programs may see otherwise in a picture that can be read here."""
    if has_sixteen_bits(path):
        yield Doubt(kind="sixteen_bit", what=str(path), why="its channels have 16 bits")
    if is_cmyk(path):
        yield Doubt(kind="cmyk", what=str(path), why="its colours are CMYK")
    if is_turned(path):
        yield Doubt(kind="turned", what=str(path), why="its EXIF orientation turns it")


def doubts_of_boxes(image: AnnotatedImage, classes: Sequence[str]) -> Iterator[Doubt]:
    """What may be wrong with the boxes of a picture; of crowds, nothing."""
    boxes = image.boxes.astype(np.float64)
    sides = boxes[:, 2:] - boxes[:, :2]
    over = np.maximum(-boxes[:, :2], boxes[:, 2:] - (image.width, image.height)).max(1, initial=0)
    labels = image.labels.tolist()
    names = [
        f"the box {_shown(box)} of {classes[label]}"
        for box, label in zip(boxes, labels, strict=True)
    ]
    for place in np.flatnonzero(over > _SLACK_PX).tolist():
        why = f"{names[place]} reaches {over[place]:.0f} pixels beyond the border"
        yield Doubt(kind="beyond", what=str(image.path), why=why)
    for place in np.flatnonzero(sides.min(1, initial=np.inf) < SHORT_PX).tolist():
        why = f"{names[place]} is {_number(sides[place, 0])}x{_number(sides[place, 1])} pixels"
        yield Doubt(kind="tiny", what=str(image.path), why=why)
    for place in _repeated(boxes, image.labels):
        why = f"{names[place]} is there twice"
        yield Doubt(kind="duplicate", what=str(image.path), why=why)


def _repeated(boxes: Boxes, labels: NDArray[np.int64]) -> list[int]:
    """The boxes that an earlier one of their class covers almost exactly."""
    same = (_iou(boxes) > _SAME_IOU) & (labels[:, None] == labels)
    found: list[int] = np.flatnonzero(np.tril(same, -1).any(1)).tolist()
    return found


def _iou(boxes: Boxes) -> Boxes:
    """Intersection over union of each box with each, [K, K]; 0 without area."""
    first = np.maximum(boxes[:, None, :2], boxes[:, :2])
    last = np.minimum(boxes[:, None, 2:], boxes[:, 2:])
    shared = (last - first).clip(0).prod(2)
    areas = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1)
    union = areas[:, None] + areas - shared
    iou: Boxes = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return iou


def _shown(box: Boxes) -> str:
    return f"[{', '.join(map(_number, box))}]"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
