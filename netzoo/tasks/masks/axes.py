"""Where the channels of a map lie, told by the shape of the input beside it."""

from __future__ import annotations

from collections.abc import Sequence

from netzoo.tasks.masks.maps import covers
from sizewise.core.specs import Dimension, ImageInput


def channels_last(shape: Sequence[Dimension], image: ImageInput | None) -> bool:
    """Whether an output of four axes is [B, h, w, C] and not [B, C, h, w], by the sides of pictures
    that go into ``image``. Where nothing tells, it is the latter."""
    _, second, _, last = shape
    if isinstance(second, str) != isinstance(last, str):  # a side is free, and the channels are not
        return isinstance(last, int)
    if image is None:
        return False
    return _are_sides(shape[1:3], image) and not _are_sides(shape[2:], image)


def _are_sides(sides: Sequence[Dimension], image: ImageInput) -> bool:
    """Whether a map of these sides covers the input: by numbers, or by the names that free sides
    have."""
    height, width = sides
    if isinstance(height, int) and isinstance(width, int):
        size = image.fixed_size
        return size is not None and covers(height, width, size)
    of_input = image.tensor.shape
    return (height, width) == (of_input[image.height_axis], of_input[image.width_axis])
