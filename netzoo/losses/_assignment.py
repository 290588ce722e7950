"""Which cells and anchors answer for which box."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """M answers, int64 [M] each: the box's index, and the anchor, row and column that answer."""

    box: Tensor
    anchor: Tensor
    row: Tensor
    column: Tensor


def assign_cells(
    boxes: Tensor, anchors: Tensor, stride: int, shape: tuple[int, int], max_ratio: float
) -> Assignment:
    """Every anchor whose width and height differ from the box's by less than ``max_ratio``, in
    the cell of the box's centre and in the two that lie nearest to it beside, above or below
    (the assignment of Scaled-YOLOv4's implementation).

    ``boxes`` [K, 4] and ``anchors`` [A, 2] in input pixels; ``shape`` is rows and columns.
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 / stride
    cells = _nearest_cells(centre)
    columns, rows = cells.unbind(-1)
    inside = (columns >= 0) & (columns < shape[1]) & (rows >= 0) & (rows < shape[0])
    ratio = (boxes[:, 2:] - boxes[:, :2])[:, None] / anchors
    fits = torch.maximum(ratio, 1 / ratio).amax(-1) < max_ratio
    box, anchor, cell = (fits[:, :, None] & inside[:, None]).nonzero().unbind(-1)
    return Assignment(box=box, anchor=anchor, row=rows[box, cell], column=columns[box, cell])


def _nearest_cells(centre: Tensor) -> Tensor:
    """[K, 2] → int64 [K, 3, 2], column and row: the centre's cell and its two neighbours."""
    own = centre.floor()
    side = torch.where(centre - own < 0.5, -1.0, 1.0)
    beside = own + side * side.new_tensor([1.0, 0.0])
    above = own + side * side.new_tensor([0.0, 1.0])
    return torch.stack((own, beside, above), 1).long()
