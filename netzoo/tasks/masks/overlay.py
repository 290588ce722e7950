"""A mask on a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from netzoo.tasks.colours import class_colour

OPACITY = 0.5


def draw_mask(picture: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Image.Image:
    """A copy of ``picture``, RGB [H, W, 3], with a half-transparent colour where ``mask`` [H, W] is
    set, and its edge in the full colour, as wide as the frames of boxes."""
    return draw_classes(picture, {0: mask})


def draw_classes(picture: NDArray[np.uint8], masks: Mapping[int, NDArray[np.bool_]]) -> Image.Image:
    """The same with a mask for each class, by its number, in its own colour."""
    image = Image.fromarray(picture)
    for label, mask in masks.items():
        image = _covered(image, mask, label)
    return image


def _covered(image: Image.Image, mask: NDArray[np.bool_], label: int) -> Image.Image:
    covered = Image.fromarray(mask.astype(np.uint8) * 255)
    line = max(2, round(math.sqrt(image.width * image.height) / 260))
    # A blur finds the edge in a time that does not grow with its width.
    inner = np.asarray(covered.filter(ImageFilter.BoxBlur(line))) == 255
    share = np.where(inner, OPACITY, 1.0) * mask
    colour = Image.new("RGB", image.size, class_colour(label))
    return Image.composite(colour, image, Image.fromarray(np.rint(255 * share).astype(np.uint8)))
