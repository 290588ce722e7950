"""Several cells and anchors per box, CIoU: learns in hundreds of steps.

After Scaled-YOLOv4 (Wang et al. 2021), whose decode it trains: neighbours of a centre's cell can
only answer for a box because that decode reaches half a cell beyond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from netzoo.boxes import complete_iou
from netzoo.decode import BOX_RULES, box_corners, split_anchors
from netzoo.loss import LossEntry, Targets
from netzoo.losses._assignment import assign_cells
from netzoo.network import AnchorDetector

MAX_RATIO = 4.0
"""The scaled decode's largest extent, in anchors."""
BOX_GAIN, OBJECTNESS_GAIN, CLASS_GAIN = 0.05, 1.0, 0.5


def dense_loss(
    network: AnchorDetector, heads: Sequence[Tensor], targets: Targets
) -> dict[str, Tensor]:
    """The three weighted parts: ``box`` (1 − CIoU), ``objectness`` (cross entropy with the IoU as
    target, every cell of every head) and ``classes`` (cross entropy where a box is answered)."""
    levels = [
        _head_loss(network, split_anchors(head, len(anchors)), anchors, stride, targets)
        for head, anchors, stride in zip(heads, network.anchors, network.strides, strict=True)
    ]
    box, objectness, classes = (torch.stack(part).sum() for part in zip(*levels, strict=True))
    return {
        "box": BOX_GAIN * box,
        "objectness": OBJECTNESS_GAIN * objectness,
        "classes": CLASS_GAIN * classes,
    }


def _head_loss(
    network: AnchorDetector, raw: Tensor, anchors: Tensor, stride: int, targets: Targets
) -> tuple[Tensor, Tensor, Tensor]:
    """``raw`` is [B, A, 5+C, H, W]."""
    shape = (raw.shape[-2], raw.shape[-1])
    cells = assign_cells(targets.boxes, anchors, stride, shape, MAX_RATIO)
    index = (targets.images[cells.box], cells.anchor, cells.row, cells.column)
    xy, wh, _, classes = raw.permute(0, 1, 3, 4, 2)[index].split_with_sizes(
        (2, 2, 1, raw.shape[2] - 5), -1
    )
    cell = torch.stack((cells.column, cells.row), -1)
    rule = BOX_RULES[network.decoding]
    corners = box_corners(rule, xy, wh, cell=cell, anchor=anchors[cells.anchor], stride=stride)
    agreement = complete_iou(torch.cat(corners, -1), targets.boxes[cells.box])
    objectness = raw[:, :, 4]
    return (
        _mean(1 - agreement),
        # A cell counts the same at every head, though a finer one has four times as many.
        (16 / stride) ** 2
        * functional.binary_cross_entropy_with_logits(
            objectness, _objectness_target(objectness.shape, index, agreement.detach())
        ),
        _mean(network.class_rule.loss(classes, targets.labels[cells.box])),
    )


def _objectness_target(
    shape: Sequence[int], index: tuple[Tensor, ...], agreement: Tensor
) -> Tensor:
    """[B, A, H, W]: 0 but in the answering cells, there their best agreement with a box."""
    position = torch.zeros_like(index[0])
    for indices, extent in zip(index, shape, strict=True):
        position = position * extent + indices
    flat = torch.zeros(math.prod(shape))
    flat.scatter_reduce_(0, position, agreement.clamp(min=0), "amax")
    return flat.view(shape)


def _mean(values: Tensor) -> Tensor:
    """0 where there are none: a batch may have no boxes."""
    return values.sum() / max(1, values.numel())


LOSSES = (LossEntry(name="dense", decoding="scaled", compute=dense_loss),)
