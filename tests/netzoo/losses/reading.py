"""The papers' losses read a second time: loops over single numbers, after Darknet's region and yolo
layers. Nothing of netzoo.losses is used."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Corners = tuple[float, float, float, float]
Shape = tuple[float, float]
Cell = tuple[int, int, int, int]
"""Image, anchor, row, column."""


@dataclass(frozen=True)
class Truth:
    """A box in input pixels."""

    image: int
    label: int
    box: Corners

    @property
    def centre(self) -> Shape:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def extent(self) -> Shape:
        return self.box[2] - self.box[0], self.box[3] - self.box[1]


@dataclass(frozen=True)
class Head:
    """``raw`` is [B, A, 5+C, H, W]; ``mask`` numbers its ``anchors`` among all of the network's."""

    raw: Array
    anchors: Sequence[Shape]
    mask: Sequence[int]
    stride: int

    def cells(self) -> list[Cell]:
        batch, anchors, _, rows, columns = self.raw.shape
        return [(b, a, r, c) for b, a, r, c in np.ndindex(batch, anchors, rows, columns)]

    def at(self, cell: Cell) -> Array:
        image, anchor, row, column = cell
        values: Array = self.raw[image, anchor, :, row, column]
        return values

    def weight(self, truth: Truth) -> float:
        area = self.raw.shape[3] * self.raw.shape[4] * self.stride**2
        return 2 - min(1.0, truth.extent[0] * truth.extent[1] / float(area))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def entropy(raw: float, wanted: float) -> float:
    p = sigmoid(raw)
    return -sum(w * math.log(q) for w, q in ((wanted, p), (1 - wanted, 1 - p)) if w)


def least_entropy(wanted: float) -> float:
    """The least that the entropy against ``wanted`` can be."""
    return entropy(math.log(wanted / (1 - wanted)), wanted) if 0 < wanted < 1 else 0.0


def iou(a: Corners, b: Corners) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def complete_iou(a: Corners, b: Corners) -> float:
    enclosing = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    apart = (a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2
    angles = [math.atan2(c[2] - c[0], c[3] - c[1]) for c in (a, b)]
    aspect = 4 / math.pi**2 * (angles[0] - angles[1]) ** 2
    overlap = iou(a, b)
    trade_off = aspect / (1 - overlap + aspect) if aspect else 0.0
    distance = (apart[0] ** 2 + apart[1] ** 2) / (enclosing[0] ** 2 + enclosing[1] ** 2)
    return overlap - distance - trade_off * aspect


def around(x: float, y: float, width: float, height: float) -> Corners:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def darknet_box(head: Head, cell: Cell, scale: float = 1.0) -> Corners:
    """``scale`` is ``scale_x_y``."""
    raw, (_, anchor, row, column) = head.at(cell), cell
    x = column + scale * sigmoid(raw[0]) - (scale - 1) / 2
    y = row + scale * sigmoid(raw[1]) - (scale - 1) / 2
    width, height = head.anchors[anchor]
    return around(
        x * head.stride, y * head.stride, width * math.exp(raw[2]), height * math.exp(raw[3])
    )


@dataclass
class Sheet:
    """What is said of each cell of a head; what is said later replaces what was said before."""

    head: Head
    box: dict[Cell, float] = field(default_factory=dict)
    objectness: dict[Cell, float] = field(default_factory=dict)
    classes: dict[Cell, float] = field(default_factory=dict)
    asked: dict[Cell, set[int]] = field(default_factory=dict)
    slopes: Array = field(init=False)

    def __post_init__(self) -> None:
        self.slopes = np.zeros_like(self.head.raw)

    def slope(self, cell: Cell) -> Array:
        image, anchor, row, column = cell
        view: Array = self.slopes[image, anchor, :, row, column]
        return view


@dataclass(frozen=True)
class Reading:
    """The loss's parts, and its gradient on the raw numbers of each head."""

    box: float
    objectness: float
    classes: float
    slopes: list[Array]


Answer = Callable[[Sheet, Cell, Truth], None]
Empty = Callable[[float], tuple[float, float]]


def no_scale(stride: int) -> float:
    del stride
    return 1.0


@dataclass(frozen=True, kw_only=True)
class Paper:
    """``ignore`` is the IoU above which a box is not punished, ``scale`` gives ``scale_x_y`` of a
    head of that stride, ``empty`` what an empty cell costs (value and slope), ``answer`` says what
    is said of a cell that answers, and ``also`` is ``iou_thresh``."""

    ignore: float
    empty: Empty
    answer: Answer
    scale: Callable[[int], float] = no_scale
    also: float = 1.0


def read_loss(
    heads: Sequence[Head], truths: Sequence[Truth], anchors: Sequence[Shape], paper: Paper
) -> Reading:
    sheets = [Sheet(head) for head in heads]
    for sheet in sheets:
        for cell in sheet.head.cells():
            guess = darknet_box(sheet.head, cell, paper.scale(sheet.head.stride))
            near = [iou(guess, truth.box) for truth in truths if truth.image == cell[0]]
            if max(near, default=0) <= paper.ignore:
                cost, sheet.slope(cell)[4] = paper.empty(sheet.head.at(cell)[4])
                sheet.objectness[cell] = cost
        for truth in truths:
            for cell in answering(sheet.head, truth, anchors, paper.also):
                paper.answer(sheet, cell, truth)
    return Reading(
        sum(sum(sheet.box.values()) for sheet in sheets),
        sum(sum(sheet.objectness.values()) for sheet in sheets),
        sum(sum(sheet.classes.values()) for sheet in sheets),
        [sheet.slopes for sheet in sheets],
    )


def answering(head: Head, truth: Truth, anchors: Sequence[Shape], also: float) -> list[Cell]:
    """The cells of ``head`` that Darknet lets answer: that of the best anchor, and those of anchors
    whose IoU is more than ``also``."""
    if min(truth.extent) <= 0:
        return []
    fits = [iou((0, 0, *anchor), (0, 0, *truth.extent)) for anchor in anchors]
    best = max(range(len(anchors)), key=lambda number: fits[number])
    rows, columns = head.raw.shape[3:]
    column = min(max(math.floor(truth.centre[0] / head.stride), 0), columns - 1)
    row = min(max(math.floor(truth.centre[1] / head.stride), 0), rows - 1)
    return [
        (truth.image, place, row, column)
        for place, number in enumerate(head.mask)
        if number == best or fits[number] > also
    ]


def wanted_coordinates(head: Head, cell: Cell, truth: Truth) -> list[float]:
    """Offsets of x and y in the cell, logarithms of w and h over the anchor's."""
    offsets = [truth.centre[i] / head.stride - (cell[3], cell[2])[i] for i in (0, 1)]
    logs = [math.log(truth.extent[i] / head.anchors[cell[1]][i]) for i in (0, 1)]
    return [*(min(max(offset, 0.0), 1.0) for offset in offsets), *logs]


def _region_empty(raw: float) -> tuple[float, float]:
    p = sigmoid(raw)
    return p**2 / 2, p * p * (1 - p)


def _region_answer(sheet: Sheet, cell: Cell, truth: Truth, rescore: bool = True) -> None:
    raw, slope, weight = sheet.head.at(cell), sheet.slope(cell), sheet.head.weight(truth)
    x, y, w, h = wanted_coordinates(sheet.head, cell, truth)
    p = [sigmoid(value) for value in raw]
    errors = [p[0] - x, p[1] - y, raw[2] - w, raw[3] - h]
    sheet.box[cell] = weight * sum(error**2 for error in errors) / 2
    steepness = [p[0] * (1 - p[0]), p[1] * (1 - p[1]), 1, 1]
    slope[:4] = [weight * e * s for e, s in zip(errors, steepness, strict=True)]
    error = p[4] - (iou(darknet_box(sheet.head, cell), truth.box) if rescore else 1)
    sheet.objectness[cell] = 5 * error**2 / 2
    slope[4] = 5 * error * p[4] * (1 - p[4])
    likely = np.exp(raw[5:]) / np.exp(raw[5:]).sum()
    sheet.classes[cell] = -math.log(likely[truth.label])
    slope[5:] = likely - np.eye(len(likely))[truth.label]


def _tiny_region_answer(sheet: Sheet, cell: Cell, truth: Truth) -> None:
    _region_answer(sheet, cell, truth, rescore=False)


def _yolo_empty(raw: float) -> tuple[float, float]:
    return entropy(raw, 0), sigmoid(raw)


def _yolo_answer(sheet: Sheet, cell: Cell, truth: Truth) -> None:
    raw, slope, weight = sheet.head.at(cell), sheet.slope(cell), sheet.head.weight(truth)
    *offsets, w, h = wanted_coordinates(sheet.head, cell, truth)
    slope[:4] = [
        *(weight * (sigmoid(r) - o) for r, o in zip(raw, offsets, strict=False)),
        *(weight * (raw[2] - w), weight * (raw[3] - h)),
    ]
    costs = [entropy(r, o) - least_entropy(o) for r, o in zip(raw, offsets, strict=False)]
    costs += [(raw[2] - w) ** 2 / 2, (raw[3] - h) ** 2 / 2]
    sheet.box[cell] = weight * sum(costs)
    _say_object(sheet, cell, truth)


def _overlap_answer(scale: Callable[[int], float]) -> Answer:
    def answer(sheet: Sheet, cell: Cell, truth: Truth) -> None:
        guess = darknet_box(sheet.head, cell, scale(sheet.head.stride))
        sheet.box[cell] = 0.07 * (1 - complete_iou(guess, truth.box))
        _say_object(sheet, cell, truth)

    return answer


def _say_object(sheet: Sheet, cell: Cell, truth: Truth) -> None:
    raw, slope = sheet.head.at(cell), sheet.slope(cell)
    sheet.objectness[cell] = entropy(raw[4], 1)
    slope[4] = sigmoid(raw[4]) - 1
    asked = sheet.asked.setdefault(cell, set())
    asked.add(truth.label)
    wanted = [float(label in asked) for label in range(len(raw) - 5)]
    sheet.classes[cell] = sum(entropy(r, w) for r, w in zip(raw[5:], wanted, strict=True))
    slope[5:] = [sigmoid(r) - w for r, w in zip(raw[5:], wanted, strict=True)]


def _scale_of_yolov4(stride: int) -> float:
    return {8: 1.2, 16: 1.1, 32: 1.05}[stride]


def _scale_of_yolov4_tiny(stride: int) -> float:
    del stride
    return 1.05


REGION = Paper(ignore=0.6, empty=_region_empty, answer=_region_answer)
REGION_TINY = Paper(ignore=0.6, empty=_region_empty, answer=_tiny_region_answer)
YOLOV3 = Paper(ignore=0.7, empty=_yolo_empty, answer=_yolo_answer)
YOLOV4 = Paper(
    ignore=0.7,
    empty=_yolo_empty,
    answer=_overlap_answer(_scale_of_yolov4),
    scale=_scale_of_yolov4,
    also=0.213,
)
YOLOV4_TINY = Paper(
    ignore=0.7,
    empty=_yolo_empty,
    answer=_overlap_answer(_scale_of_yolov4_tiny),
    scale=_scale_of_yolov4_tiny,
)
"""Of the last two the slope of x, y, w and h is not read."""
