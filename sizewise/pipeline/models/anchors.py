"""Anchors as users give them: a line of numbers, as in a Darknet configuration file."""

from __future__ import annotations

from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled

Anchors = tuple[tuple[float, float], ...]
"""Width and height of each, in pixels of the input."""


def anchor_pairs(numbers: tuple[float, ...]) -> Anchors:
    """Raises UsageError for numbers that are no pairs."""
    if len(numbers) % 2:
        raise UsageError(
            f"{len(numbers)} numbers are no anchors",
            "each anchor is a width and a height",
            f"Give {spelled('anchors')} as the line of a .cfg file: 10,14,23,27.",
        )
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def anchor_line(anchors: Anchors) -> str:
    """``10,14,23,27``: what :func:`anchor_pairs` takes when it is read."""
    return ",".join(f"{number:g}" for pair in anchors for number in pair)
