"""Which images a joint training draws (Redmon and Farhadi 2017, YOLO9000, §4)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

Image = TypeVar("Image")

JOINT = "joint"
"""The loss that learns from both kinds."""
WHOLE_PER_BOXED = 4
"""Images that are only classified to one with boxes, as in the paper."""


def mixed(boxed: Iterator[Image], whole: Iterator[Image]) -> Iterator[Image]:
    """One of ``boxed`` and four of ``whole`` in turn, as long as both last."""
    for image in boxed:
        yield image
        yield from islice(whole, WHOLE_PER_BOXED)
