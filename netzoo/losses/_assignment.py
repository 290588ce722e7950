"""The assignment of boxes to cells and anchors."""

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

    def only(self, chosen: Tensor) -> Assignment:
        """The answers that are ``chosen``, bool [M]."""
        return Assignment(
            box=self.box[chosen],
            anchor=self.anchor[chosen],
            row=self.row[chosen],
            column=self.column[chosen],
        )


def assign_cells(
    boxes: Tensor, anchors: Tensor, stride: int, shape: tuple[int, int], max_ratio: float
) -> Assignment:
    """Assign each box to all anchors of similar shape, in three cells (as Scaled-YOLOv4 does).

    Width and height of the anchor and the box differ by less than ``max_ratio``. The cells are that
    of the box's centre and its two nearest neighbours beside, above or below.

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


def nearest_only(cells: Assignment, images: Tensor, boxes: Tensor, stride: int) -> Assignment:
    """Keep the box with the nearest centre where several share an anchor in a cell.

    An answer to several boxes would learn their mean. Boxes that are equally near all stay.

    ``images`` int64 [K] and ``boxes`` [K, 4] as in the targets.
    """
    places = torch.stack((images[cells.box], cells.anchor, cells.row, cells.column))
    found, place = torch.unique(places, dim=1, return_inverse=True)
    centre = (boxes[:, :2] + boxes[:, 2:])[cells.box] / 2 / stride
    apart = (centre - torch.stack((cells.column, cells.row), 1) - 0.5).square().sum(1)
    least = torch.full_like(apart, torch.inf)[: found.shape[1]]
    least = least.scatter_reduce(0, place, apart, "amin")
    return cells.only(apart <= least[place])


def _nearest_cells(centre: Tensor) -> Tensor:
    """Column and row of the centre's cell and its two neighbours: [K, 2] → int64 [K, 3, 2]."""
    own = centre.floor()
    side = torch.where(centre - own < 0.5, -1.0, 1.0)
    beside = own + side * side.new_tensor([1.0, 0.0])
    above = own + side * side.new_tensor([0.0, 1.0])
    return torch.stack((own, beside, above), 1).long()
