"""Kinds of pictures that other programs may read otherwise."""

from __future__ import annotations

from pathlib import Path

from netzoo.data.pictures.decoding import FORMATS, stored_turned
from netzoo.data.pictures.opening import BROKEN, TooManyPixelsError, opened_image

_DEPTH = ";16"
"""Stands in Pillow's name of how pixels lie in a file (``RGB;16B``) of 16 bits per channel, also
where it reads 8 of them."""


def has_sixteen_bits(path: Path) -> bool:
    """Whether channels have 16 bits in the file. False for a file that can't be read."""
    try:
        with opened_image(path, FORMATS) as image:
            laid_out = [str(tile[3]) for tile in getattr(image, "tile", ())]
            return _DEPTH in image.mode or any(_DEPTH in said for said in laid_out)
    except (*BROKEN, TooManyPixelsError):
        return False


def is_cmyk(path: Path) -> bool:
    """Whether colours are those of printers. False for a file that can't be read."""
    try:
        with opened_image(path, FORMATS) as image:
            return image.mode == "CMYK"
    except (*BROKEN, TooManyPixelsError):
        return False


def is_turned(path: Path) -> bool:
    """Whether its EXIF orientation turns or mirrors it."""
    return stored_turned(path) is not None
