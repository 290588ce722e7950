"""IoU and CIoU against counting pixels, the paper's formula and what must hold of any boxes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netzoo.losses._boxes import box_iou, complete_iou

Box = tuple[int, int, int, int]


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x, y = draw(st.integers(0, 30)), draw(st.integers(0, 30))
    return x, y, x + draw(st.integers(1, 30)), y + draw(st.integers(1, 30))


def pixels(box: Box) -> set[tuple[int, int]]:
    return {(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])}


def tensor(box: Box) -> torch.Tensor:
    return torch.tensor(box, dtype=torch.float64)


def paper_ciou(a: Box, b: Box) -> float:
    """Zheng et al. 2020, equations 7 to 10, as written."""
    iou = len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b))
    centre_a, centre_b = ((box[0] + box[2], box[1] + box[3]) for box in (a, b))
    rho = math.dist(centre_a, centre_b) / 2
    c = math.dist((min(a[0], b[0]), min(a[1], b[1])), (max(a[2], b[2]), max(a[3], b[3])))
    angle_a, angle_b = (math.atan((box[2] - box[0]) / (box[3] - box[1])) for box in (a, b))
    v = 4 / math.pi**2 * (angle_b - angle_a) ** 2
    alpha = v / (1 - iou + v) if v else 0
    return iou - rho**2 / c**2 - alpha * v


@given(boxes(), boxes())
def test_iou_counts_pixels(a: Box, b: Box) -> None:
    counted = len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b))
    assert box_iou(tensor(a), tensor(b)).item() == pytest.approx(counted, abs=1e-6)


@given(boxes(), boxes())
def test_ciou_is_the_papers(a: Box, b: Box) -> None:
    assert complete_iou(tensor(a), tensor(b)).item() == pytest.approx(paper_ciou(a, b), abs=1e-5)


@given(boxes(), boxes())
def test_ciou_is_symmetric_bounded_and_below_iou(a: Box, b: Box) -> None:
    there, back = complete_iou(tensor(a), tensor(b)), complete_iou(tensor(b), tensor(a))
    assert there.item() == pytest.approx(back.item(), abs=1e-6)
    assert -2 < there.item() <= box_iou(tensor(a), tensor(b)).item() + 1e-6 <= 1 + 2e-6


@given(boxes())
def test_a_box_agrees_with_itself(a: Box) -> None:
    assert complete_iou(tensor(a), tensor(a)).item() == pytest.approx(1, abs=1e-6)


def test_descending_the_loss_finds_the_box() -> None:
    truth = torch.tensor([40.0, 60.0, 90.0, 80.0])
    box = torch.tensor([0.0, 0.0, 20.0, 20.0], requires_grad=True)
    optimizer = torch.optim.Adam([box], lr=2.0)
    slower = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.985)
    for _ in range(300):
        optimizer.zero_grad()
        torch.autograd.backward(1 - complete_iou(box, truth))
        optimizer.step()
        slower.step()
    assert box_iou(box.detach(), truth) > 0.95
