"""The decode against a plain reading of the papers: loops over numbers, no tensors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from netzoo.decoding.boxes import BOX_RULES, decode_head
from netzoo.decoding.classes import Independent
from netzoo.zoo.config import Decoding
from tests.netzoo.factories import narrow_detector

ANCHORS = ((10.0, 13.0), (33.0, 23.0))
STRIDE = 16


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def yolov3_box(t: list[float], column: int, row: int, anchor: tuple[float, float]) -> list[float]:
    """YOLOv3, §2.1: b_x = σ(t_x) + c_x, b_w = p_w · e^t_w."""
    x, y = (sigmoid(t[0]) + column) * STRIDE, (sigmoid(t[1]) + row) * STRIDE
    w, h = anchor[0] * math.exp(t[2]), anchor[1] * math.exp(t[3])
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def tiny_box(t: list[float], column: int, row: int, anchor: tuple[float, float]) -> list[float]:
    """Darknet with scale_x_y = 1.05: b_x = 1.05σ(t_x) − 0.05 / 2 + c_x, b_w as YOLOv3's."""
    x = (1.05 * sigmoid(t[0]) - 0.05 / 2 + column) * STRIDE
    y = (1.05 * sigmoid(t[1]) - 0.05 / 2 + row) * STRIDE
    w, h = anchor[0] * math.exp(t[2]), anchor[1] * math.exp(t[3])
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def scaled_box(t: list[float], column: int, row: int, anchor: tuple[float, float]) -> list[float]:
    """Scaled-YOLOv4: b_x = 2σ(t_x) − 0.5 + c_x, b_w = p_w · (2σ(t_w))²."""
    x, y = (2 * sigmoid(t[0]) - 0.5 + column) * STRIDE, (2 * sigmoid(t[1]) - 0.5 + row) * STRIDE
    w, h = anchor[0] * (2 * sigmoid(t[2])) ** 2, anchor[1] * (2 * sigmoid(t[3])) ** 2
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


@pytest.mark.parametrize(
    ("rule", "box"), [("yolov3", yolov3_box), ("yolov4-tiny", tiny_box), ("scaled", scaled_box)]
)
def test_decode_reads_as_the_paper_says(rule: Decoding, box: object) -> None:
    assert callable(box)
    classes, height, width = 3, 2, 5
    head = torch.randn(2, len(ANCHORS) * (5 + classes), height, width)
    boxes, scores = decode_head(head, torch.tensor(ANCHORS), STRIDE, BOX_RULES[rule], Independent())
    raw: NDArray[np.float32] = head.view(2, len(ANCHORS), 5 + classes, height, width).numpy()
    wanted_boxes, wanted_scores = [], []
    for image in raw:
        for anchor, values in zip(ANCHORS, image, strict=True):
            for row in range(height):
                for column in range(width):
                    t = values[:, row, column].tolist()
                    wanted_boxes.append(box(t, column, row, anchor))
                    wanted_scores.append([sigmoid(t[4]) * sigmoid(c) for c in t[5:]])
    np.testing.assert_allclose(boxes.reshape(-1, 4).numpy(), wanted_boxes, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(scores.reshape(-1, classes).numpy(), wanted_scores, rtol=1e-4)


@pytest.mark.parametrize("decoding", ["yolov3", "scaled"])
def test_a_detector_gives_every_cell_of_every_head(decoding: Decoding) -> None:
    network = narrow_detector(decoding)
    boxes, scores = network.decode(network(torch.rand(3, 3, 64, 96)))
    cells = sum((64 // stride) * (96 // stride) for stride in network.strides)
    assert boxes.shape == (3, 3 * cells, 4)
    assert scores.shape == (3, 3 * cells, 2)
    assert boxes.dtype == scores.dtype == torch.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (boxes[..., 2:] >= boxes[..., :2]).all()


def test_half_precision_heads_are_decoded_in_single() -> None:
    network = narrow_detector()
    heads = [head.bfloat16() for head in network(torch.rand(1, 3, 64, 64))]
    boxes, scores = network.decode(heads)
    assert boxes.dtype == scores.dtype == torch.float32
