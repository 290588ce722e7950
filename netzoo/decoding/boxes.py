"""Decoding: raw numbers of an anchor-based head become boxes and scores.

A head is [B, A·(5+C), H, W]; for each anchor its channels are x, y, w, h, objectness, classes,
as in Darknet. Nothing here knows a size before the tensor is there, so an export stays dynamic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from netzoo.decoding.classes import ClassRule
from netzoo.zoo.config import Decoding


@dataclass(frozen=True)
class BoxRule:
    """The decoding of a box from raw numbers.

    ``reach`` gives, by the head's stride, the part of a cell's side that a centre may lie in: 1 is
    the cell itself, 2 is half a cell beyond on each side (``scale_x_y`` of Darknet's
    configurations). ``extent`` gives the factor on the anchor's width and height.
    """

    reach: Callable[[int], float]
    extent: Callable[[Tensor], Tensor]

    def centre(self, raw: Tensor, stride: int) -> Tensor:
        """The offset from the cell's upper left corner, in cells."""
        reach = self.reach(stride)
        inside = raw.sigmoid()
        return inside if reach == 1 else inside * reach - (reach - 1) / 2


YOLOV4_REACH = {8: 1.2, 16: 1.1, 32: 1.05}
"""By the stride of a head of ``yolov4.cfg``."""

BOX_RULES: dict[Decoding, BoxRule] = {
    # YOLOv3, §2.1: the centre stays in its cell.
    "yolov3": BoxRule(reach=lambda _: 1, extent=torch.exp),
    "yolov4": BoxRule(reach=YOLOV4_REACH.__getitem__, extent=torch.exp),
    "yolov4-tiny": BoxRule(reach=lambda _: 1.05, extent=torch.exp),
    # Scaled-YOLOv4, §4.2: the extent is at most 4 anchors.
    "scaled": BoxRule(reach=lambda _: 2, extent=lambda raw: (raw.sigmoid() * 2) ** 2),
}


def split_anchors(head: Tensor, anchors: int) -> Tensor:
    """Split the anchors, in 32-bit floats: [B, A·(5+C), H, W] → [B, A, 5+C, H, W]."""
    return torch.unflatten(head.float(), 1, (anchors, head.shape[1] // anchors))


def decode_head(
    head: Tensor, anchors: Tensor, stride: int, rule: BoxRule, class_rule: ClassRule
) -> tuple[Tensor, Tensor]:
    """Decode one head to boxes and scores.

    Boxes are [B, A·H·W, 4] (x1, y1, x2, y2 in input pixels), scores [B, A·H·W, C] (objectness ×
    class). ``anchors`` is [A, 2], width and height in pixels.
    """
    raw = split_anchors(head, len(anchors))
    boxes = predicted_boxes(raw, anchors, stride, rule)
    scores = raw[:, :, 4:5].sigmoid() * class_rule.probabilities(raw[:, :, 5:], dim=2)
    return _as_rows(boxes), _as_rows(scores)


def predicted_boxes(raw: Tensor, anchors: Tensor, stride: int, rule: BoxRule) -> Tensor:
    """The boxes of a head: [B, A, 5+C, H, W] → [B, A, 4, H, W], x1, y1, x2, y2 in input pixels."""
    corners = box_corners(
        rule,
        raw[:, :, :2],
        raw[:, :, 2:4],
        cell=_cells(raw),
        anchor=anchors[:, :, None, None],
        stride=stride,
    )
    return torch.cat(corners, 2)


def box_corners(
    rule: BoxRule, xy: Tensor, wh: Tensor, *, cell: Tensor, anchor: Tensor, stride: int
) -> tuple[Tensor, Tensor]:
    """The upper left and the lower right corner in input pixels.

    They come from the raw ``xy`` and ``wh``, the ``cell`` (column, row) and the ``anchor`` (width,
    height in pixels); all broadcast.
    """
    centre = (rule.centre(xy, stride) + cell) * stride
    half = rule.extent(wh) * anchor / 2
    return centre - half, centre + half


def _cells(raw: Tensor) -> Tensor:
    """The column and row of each cell: [2, H, W]."""
    rows = torch.arange(raw.shape[-2], dtype=raw.dtype, device=raw.device)
    columns = torch.arange(raw.shape[-1], dtype=raw.dtype, device=raw.device)
    row, column = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack((column, row))


def _as_rows(grid: Tensor) -> Tensor:
    """One row per anchor and cell: [B, A, K, H, W] → [B, A·H·W, K]."""
    return grid.flatten(3).transpose(2, 3).flatten(1, 2)
