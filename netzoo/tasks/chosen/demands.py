"""What rows, scores and boxes must be, so that outputs may have a layout at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netzoo.tasks.parts import SLACK, are_pixels

Array = NDArray[Any]
_SHARES = 1.5
"""Boxes that end here are shares of the sides: in pixels, they would be in the first corner."""


class LayoutError(Exception):
    """Why the outputs do not have the layout."""


def demand_meaning(rows: Array) -> None:
    """Raise LayoutError where the rows that are used hold no scores, or no boxes in pixels. NaN
    passes: others name it."""
    scores = rows[:, 4]
    demand_shares(scores)
    seen = rows[scores > 0]
    sides = seen[:, 2:4] - seen[:, :2]
    if len(seen) and (np.abs(seen[:, :4]) <= _SHARES).all() and (sides > 0).all(axis=1).any():
        raise LayoutError(
            f"its boxes would end at {seen[:, :4].max():.4g} pixels, so they are shares of the "
            "sides: multiply x by the width and y by the height in the graph, so that a box is x0, "
            "y0, x1, y1 in input pixels"
        )


def demand_shares(scores: Array) -> None:
    """Raise LayoutError where scores are no shares: they are coordinates then, say. NaN passes."""
    least, most = scores.min(initial=0), scores.max(initial=0)
    if least < -SLACK or most > 1 + SLACK:
        raise LayoutError(f"its scores would reach from {least:.4g} to {most:.4g}, beyond 0 to 1")


def demand_fractions(boxes: Array) -> None:
    """Raise LayoutError where boxes are no shares of the sides, but in pixels. NaN passes."""
    if are_pixels(most := np.abs(boxes).max(initial=0)):
        raise LayoutError(
            f"its boxes would reach to {most:.4g} times the sides, so they are in pixels: divide y "
            "by the height and x by the width in the graph"
        )
