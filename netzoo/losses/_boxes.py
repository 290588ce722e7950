"""Overlap of boxes, with gradients. Boxes are [..., 4]: x1, y1, x2, y2."""

from __future__ import annotations

import math

import torch
from torch import Tensor

EPSILON = 1e-7


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """The intersection over union of each pair, broadcast: [...] in 0–1."""
    overlap = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(
        min=0
    )
    shared = overlap.prod(-1)
    return shared / (_extent(a).prod(-1) + _extent(b).prod(-1) - shared + EPSILON)


def complete_iou(boxes: Tensor, truth: Tensor) -> Tensor:
    """The CIoU of each pair, at most 1 (Zheng et al. 2020, Distance-IoU loss, §3.3).

    It is the IoU, less the centres' distance over the enclosing diagonal, less the difference of
    the aspect ratios.
    """
    iou = box_iou(boxes, truth)
    enclosing = torch.maximum(boxes[..., 2:], truth[..., 2:]) - torch.minimum(
        boxes[..., :2], truth[..., :2]
    )
    apart = (boxes[..., :2] + boxes[..., 2:] - truth[..., :2] - truth[..., 2:]) / 2
    distance = apart.square().sum(-1) / (enclosing.square().sum(-1) + EPSILON)
    aspect = 4 / math.pi**2 * (_angle(boxes) - _angle(truth)).square()
    with torch.no_grad():
        trade_off = aspect / (1 - iou + aspect + EPSILON)
    return iou - distance - trade_off * aspect


def _extent(boxes: Tensor) -> Tensor:
    return boxes[..., 2:] - boxes[..., :2]


def _angle(boxes: Tensor) -> Tensor:
    width, height = _extent(boxes).unbind(-1)
    return torch.atan(width / (height + EPSILON))
