"""The common part of Darknet's losses: one anchor in one cell answers for a box.

Other predictions that overlap a box well are left out of the loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from netzoo.decoding.boxes import BoxRule, box_corners, predicted_boxes, split_anchors
from netzoo.losses._boxes import box_iou
from netzoo.losses._registry import Targets
from netzoo.zoo.network import AnchorDetector

LARGEST_LOG = 8.0
"""Raw widths and heights count as at most this where a box is made of them: 3,000 anchors, more
than any picture holds, and far from what overflows. (Darknet lets them overflow.)"""


@dataclass(frozen=True, kw_only=True)
class Level:
    """A head as a loss sees it. ``raw`` is [B, A, 5+C, H, W], ``anchors`` [A, 2] in input pixels.

    S anchors in cells answer for boxes: ``slots`` are their image, anchor, row and column (int64
    [S] each). Where several boxes ask for the same one, ``truth`` [S, 4] and ``labels`` int64 [S]
    are of the last, as in Darknet; ``classes`` bool [S, C] are of all of them.
    """

    raw: Tensor
    anchors: Tensor
    stride: int
    slots: tuple[Tensor, ...]
    truth: Tensor
    labels: Tensor
    classes: Tensor

    def answers(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Their raw x and y [S, 2], w and h [S, 2], objectness [S] and classes [S, C]."""
        image, anchor, row, column = self.slots
        chosen = self.raw[image, anchor, :, row, column]
        return chosen[:, :2], chosen[:, 2:4], chosen[:, 4], chosen[:, 5:]

    def boxes(self, rule: BoxRule) -> Tensor:
        """The predicted boxes [S, 4]: x1, y1, x2, y2 in input pixels."""
        xy, wh, _, _ = self.answers()
        anchor = self.anchors[self.slots[1]]
        corners = box_corners(
            rule,
            xy,
            wh.clamp(max=LARGEST_LOG),
            cell=self._cells(),
            anchor=anchor,
            stride=self.stride,
        )
        return torch.cat(corners, 1)

    def coordinates(self) -> tuple[Tensor, Tensor]:
        """The targets of the answers, each [S, 2]: the centre's offset in its cell, 0–1, and the
        logarithm of the extent over the anchor's."""
        offset = (_centres(self.truth) / self.stride - self._cells()).clamp(0, 1)
        return offset, (_extents(self.truth) / self.anchors[self.slots[1]]).log()

    def weights(self) -> Tensor:
        """The weights [S, 1]: 2 less the box's share of the area; small boxes weigh more."""
        area = _extents(self.truth).prod(1, keepdim=True)
        height, width = self.raw.shape[-2:]
        return 2 - (area / (height * width * self.stride**2)).clamp(max=1)

    def _cells(self) -> Tensor:
        """The columns and rows that answer [S, 2]."""
        return torch.stack((self.slots[3], self.slots[2]), 1)


def match_levels(
    network: AnchorDetector,
    heads: Sequence[Tensor],
    targets: Targets,
    also_above: float | None = None,
) -> list[Level]:
    """The centre's cell answers for a box, with the anchor of all the network's whose shape agrees
    best, in every head that has it (of YOLOv4-tiny's, one is in two heads and one in none), and
    with those whose shape has an IoU of more than ``also_above`` (None: of the network's design).

    Boxes without extent are nobody's. A centre beyond the border belongs to the nearest cell.
    """
    anchors = torch.tensor(network.config.anchors, device=heads[0].device)
    extents = _extents(targets.boxes)
    agreement = _shape_iou(extents, anchors)
    best = agreement.argmax(1, keepdim=True)
    also = agreement > (network.design.also_above if also_above is None else also_above)
    solid = (extents > 0).all(1, keepdim=True)
    return [
        _match(
            split_anchors(head, len(mask)),
            network.anchors[number],
            network.strides[number],
            solid & ((best == torch.tensor(mask, device=best.device)) | also[:, list(mask)]),
            targets,
        )
        for number, (head, mask) in enumerate(zip(heads, network.masks, strict=True))
    ]


def _match(raw: Tensor, anchors: Tensor, stride: int, mine: Tensor, targets: Targets) -> Level:
    """The level of one head; ``mine`` bool [K, A] are its boxes, and with which anchors."""
    batch, each, numbers, rows, columns = raw.shape
    box, anchor = mine.nonzero().unbind(1)
    column, row = (_centres(targets.boxes[box]) / stride).floor().long().unbind(1)
    row, column = row.clamp(0, rows - 1), column.clamp(0, columns - 1)
    place = ((targets.images[box] * each + anchor) * rows + row) * columns + column
    places, slot = torch.unique(place, return_inverse=True)
    last = torch.zeros_like(places).scatter_reduce(0, slot, box, "amax")
    classes = torch.zeros(len(places), numbers - 5, dtype=torch.bool, device=raw.device)
    classes[slot, targets.labels[box]] = True
    return Level(
        raw=raw,
        anchors=anchors,
        stride=stride,
        slots=torch.unravel_index(places, (batch, each, rows, columns)),
        truth=targets.boxes[last],
        labels=targets.labels[last],
        classes=classes,
    )


@torch.no_grad()
def background(level: Level, rule: BoxRule, targets: Targets, ignore: float) -> Tensor:
    """[B, A, H, W], 1 or 0: what should not be there, as it neither answers for a box nor has an
    IoU above ``ignore`` with one."""
    safe = torch.cat((level.raw[:, :, :2], level.raw[:, :, 2:4].clamp(max=LARGEST_LOG)), 2)
    boxes = predicted_boxes(safe, level.anchors, level.stride, rule)
    rows = boxes.movedim(2, -1).flatten(1, -2)
    overlap = box_iou(rows[targets.images], targets.boxes[:, None])
    best = rows.new_zeros(rows.shape[:2])
    best.scatter_reduce_(0, targets.images[:, None].expand_as(overlap), overlap, "amax")
    counted = (best <= ignore).to(rows.dtype).view_as(boxes[:, :, 0])
    counted[level.slots] = 0
    return counted


def per_image(levels: Iterable[tuple[Tensor, Tensor, Tensor]], images: int) -> dict[str, Tensor]:
    """The three parts, summed over levels: Darknet's losses are sums, not means."""
    box, objectness, classes = (torch.stack(part).sum() for part in zip(*levels, strict=True))
    return {"box": box / images, "objectness": objectness / images, "classes": classes / images}


def _shape_iou(extents: Tensor, anchors: Tensor) -> Tensor:
    """The IoU of boxes with a common corner: [K, 2] and [T, 2] → [K, T]."""
    shared = torch.minimum(extents[:, None], anchors).prod(2)
    return shared / (extents.prod(1)[:, None] + anchors.prod(1) - shared)


def _centres(boxes: Tensor) -> Tensor:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _extents(boxes: Tensor) -> Tensor:
    return boxes[:, 2:] - boxes[:, :2]
