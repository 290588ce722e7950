"""The order of images in a joint training (Redmon and Farhadi 2017, YOLO9000, §4)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

Image = TypeVar("Image")

JOINT = "joint"
"""The loss that learns from both kinds."""
WHOLE_PER_BOXED = 4
"""Classified images per image with boxes, as in the paper."""


def mixed(boxed: Iterator[Image], whole: Iterator[Image]) -> Iterator[Image]:
    """Alternate one image of ``boxed`` and four of ``whole``, as long as both last."""
    for image in boxed:
        yield image
        yield from islice(whole, WHOLE_PER_BOXED)
