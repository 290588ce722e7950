"""The common part of the dense loss and that of Scaled-YOLOv4.

Every anchor of about a box's shape answers for it, in the cell of its centre and two neighbours.

Neighbours can only answer because Scaled-YOLOv4's decode reaches half a cell beyond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from netzoo.decoding.boxes import BOX_RULES, box_corners, split_anchors
from netzoo.losses._assignment import Assignment, assign_cells, nearest_only
from netzoo.losses._boxes import complete_iou
from netzoo.losses._divergence import divergence
from netzoo.losses._gains import NeighbourGains
from netzoo.losses._registry import Targets
from netzoo.training.settings import PLAIN, LossTerms
from netzoo.zoo.network import AnchorDetector
from sizewise.core.specs import Size

USUAL = NeighbourGains()


def neighbours_loss(
    network: AnchorDetector,
    heads: Sequence[Tensor],
    targets: Targets,
    balance: Sequence[float],
    *,
    shared: bool,
    terms: LossTerms = PLAIN,
    gains: NeighbourGains = USUAL,
) -> dict[str, Tensor]:
    """The three weighted parts: ``box`` (1 − CIoU), ``objectness`` (divergence from the CIoU, every
    cell of every head, each head weighted by ``balance``) and ``classes`` (what the
    class rule says, where a box is answered).

    An anchor in a cell may be ``shared`` by several boxes; otherwise the nearest has it.
    """
    levels = [
        _level_loss(network, number, head, targets, shared=shared, terms=terms, gains=gains)
        for number, head in enumerate(heads)
    ]
    box, objectness, classes = (torch.stack(part) for part in zip(*levels, strict=True))
    weights = _balance(network, gains) if gains.objectness_balance else balance
    return {
        "box": gains.box_gain * box.sum(),
        "objectness": gains.objectness_gain * (objectness * objectness.new_tensor(weights)).sum(),
        "classes": gains.class_gain * classes.sum(),
    }


def _balance(network: AnchorDetector, gains: NeighbourGains) -> list[float]:
    """The weight of the objectness of each head; it is given for the finest first."""
    finest_first = sorted(network.strides)
    return [gains.objectness_balance[finest_first.index(stride)] for stride in network.strides]


def count_answers(
    network: AnchorDetector,
    size: Size,
    targets: Targets,
    *,
    shared: bool,
    ratio: float = USUAL.anchor_ratio,
) -> tuple[int, ...]:
    """How many anchors in cells of each head answer for boxes in images of ``size``."""
    shapes = ((size.height // stride, size.width // stride) for stride in network.strides)
    return tuple(
        len(_answering(network, number, shape, targets, shared=shared, ratio=ratio).box)
        for number, shape in enumerate(shapes)
    )


def _answering(
    network: AnchorDetector,
    number: int,
    shape: tuple[int, int],
    targets: Targets,
    *,
    shared: bool,
    ratio: float,
) -> Assignment:
    """The answers of a head of so many rows and columns."""
    anchors, stride = network.anchors[number], network.strides[number]
    cells = assign_cells(targets.boxes, anchors, stride, shape, ratio)
    return cells if shared else nearest_only(cells, targets.images, targets.boxes, stride)


def _level_loss(
    network: AnchorDetector,
    number: int,
    head: Tensor,
    targets: Targets,
    *,
    shared: bool,
    terms: LossTerms,
    gains: NeighbourGains,
) -> tuple[Tensor, Tensor, Tensor]:
    anchors, stride = network.anchors[number], network.strides[number]
    raw = split_anchors(head, len(anchors))
    shape = (raw.shape[-2], raw.shape[-1])
    ratio = gains.anchor_ratio
    cells = _answering(network, number, shape, targets, shared=shared, ratio=ratio)
    index = (targets.images[cells.box], cells.anchor, cells.row, cells.column)
    xy, wh, _, classes = raw.permute(0, 1, 3, 4, 2)[index].split_with_sizes(
        (2, 2, 1, raw.shape[2] - 5), -1
    )
    cell = torch.stack((cells.column, cells.row), -1)
    rule = BOX_RULES[network.decoding]
    corners = box_corners(rule, xy, wh, cell=cell, anchor=anchors[cells.anchor], stride=stride)
    agreement = complete_iou(torch.cat(corners, -1), targets.boxes[cells.box])
    objectness = raw[:, :, 4]
    reached = _objectness_target(objectness, index, agreement.detach())
    answers = targets.answers[number] if targets.answers else max(1, len(cells.box))
    return (
        _mean(1 - agreement, answers),
        divergence(objectness, reached, terms).mean(),
        _mean(network.class_rule.loss(classes, targets.labels[cells.box], terms), answers),
    )


def _objectness_target(objectness: Tensor, index: tuple[Tensor, ...], agreement: Tensor) -> Tensor:
    """The objectness targets [B, A, H, W]: the best overlap in the answering cells, else 0."""
    position = torch.zeros_like(index[0])
    for indices, extent in zip(index, objectness.shape, strict=True):
        position = position * extent + indices
    flat = objectness.new_zeros(math.prod(objectness.shape))
    flat.scatter_reduce_(0, position, agreement, "amax")
    return flat.view(objectness.shape)


def _mean(values: Tensor, answers: float) -> Tensor:
    """The mean of what so many answers give; 0 without values: a batch may have no boxes."""
    return values.sum() / (answers * math.prod(values.shape[1:]))
