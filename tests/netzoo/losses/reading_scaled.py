"""The loss of Scaled-YOLOv4 read a second time: loops over single numbers, after the authors'
implementation. Nothing of netzoo.losses is used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tests.netzoo.losses.reading import (
    Cell,
    Corners,
    Head,
    Truth,
    around,
    complete_iou,
    entropy,
    least_entropy,
    sigmoid,
)


def read_scaled_loss(
    heads: Sequence[Head], truths: Sequence[Truth], balance: Sequence[float]
) -> tuple[float, float, float]:
    """Box, objectness and classes, with the gains 0.05, 1 and 0.5 and nothing else; the objectness
    less the entropy that its targets have themselves."""
    box, objectness, classes = 0.0, 0.0, 0.0
    for head, share in zip(heads, balance, strict=True):
        boxes, kinds, wanted = [], [], dict.fromkeys(head.cells(), 0.0)
        for truth in truths:
            for cell in answering(head, truth):
                agreement = complete_iou(scaled_box(head, cell), truth.box)
                boxes.append(1 - agreement)
                wanted[cell] = max(wanted[cell], agreement)
                kinds += [
                    entropy(r, float(c == truth.label)) for c, r in enumerate(head.at(cell)[5:])
                ]
        everywhere = [
            entropy(head.at(cell)[4], value) - least_entropy(value)
            for cell, value in wanted.items()
        ]
        box += 0.05 * _mean(boxes)
        objectness += share * _mean(everywhere)
        classes += 0.5 * _mean(kinds)
    return box, objectness, classes


def answering(head: Head, truth: Truth) -> Iterator[Cell]:
    """Anchors within a factor of 4; the centre's cell, and those it lies nearest to beside and
    above or below, where there are such."""
    rows, columns = head.raw.shape[3:]
    x, y = (value / head.stride for value in truth.centre)
    own = math.floor(x), math.floor(y)
    beside = own[0] + (-1 if x - own[0] < 0.5 else 1), own[1]
    above = own[0], own[1] + (-1 if y - own[1] < 0.5 else 1)
    for anchor, shape in enumerate(head.anchors):
        if min(truth.extent) <= 0 or _ratio(truth.extent, shape) >= 4:
            continue
        for column, row in (own, beside, above):
            if 0 <= column < columns and 0 <= row < rows:
                yield truth.image, anchor, row, column


def scaled_box(head: Head, cell: Cell) -> Corners:
    raw, (_, anchor, row, column) = head.at(cell), cell
    x, y = column + 2 * sigmoid(raw[0]) - 0.5, row + 2 * sigmoid(raw[1]) - 0.5
    width, height = head.anchors[anchor]
    return around(
        x * head.stride,
        y * head.stride,
        width * (2 * sigmoid(raw[2])) ** 2,
        height * (2 * sigmoid(raw[3])) ** 2,
    )


def _ratio(a: tuple[float, float], b: tuple[float, float]) -> float:
    return max(max(p / q, q / p) for p, q in zip(a, b, strict=True))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
