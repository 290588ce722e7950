"""The order of images in a joint training (Redmon and Farhadi 2017, YOLO9000, §4)."""

from __future__ import annotations

JOINT = "joint"
"""The loss that learns from both kinds."""
WHOLE_PER_BOXED = 4
"""Classified images per image with boxes, as in the paper."""


def mixed(place: int) -> tuple[bool, int]:
    """Whether an image with boxes stands at a place, and its number among those of its kind: one of
    them, then four classified ones."""
    block, turn = divmod(place, 1 + WHOLE_PER_BOXED)
    return (True, block) if turn == 0 else (False, block * WHOLE_PER_BOXED + turn - 1)
