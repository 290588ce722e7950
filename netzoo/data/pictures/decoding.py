"""Picture files, as users have them, decoded to upright RGB pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from netzoo.data.pictures.opening import BROKEN, TooManyPixelsError, opened_image
from sizewise.core.errors import InputError
from sizewise.core.files import open_file
from sizewise.core.options.limits import PICTURE_PIXELS

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""What is taken for a picture in a folder, in lower case."""

FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""Named, because others of Pillow's decoders start programs (Ghostscript, for one)."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF orientation; 1 is upright."""
_SWAPPED = (5, 6, 7, 8)
"""Orientations that make width of height."""
_HEAD_BYTES = 16 * 1024
_MARKS = (b"Exif", b"eXIf", b"Orientation", b"VP8X")
"""One of them stands in the head of a JPEG, PNG or WebP file that may say how it is turned. Only
those are opened: Pillow takes far longer than a look at the head."""


def decode_picture(path: Path, *, upright: bool = True) -> NDArray[np.uint8]:
    """Decode to RGB [H, W, 3], turned upright by the EXIF orientation unless ``upright`` is off.

    Of an animation, this is the first picture. Transparent pixels are laid on white. Colours of 16
    bits are scaled to 8; grey of more than 8 bits is refused, as nothing says what is white there.
    Raises InputError.
    """
    return _decoded(path, f"The picture {path}", upright=upright)


def decode_bytes(content: bytes, *, most_pixels: int | None = None) -> NDArray[np.uint8]:
    """Decode the bytes of a picture file as :func:`decode_picture` does. One of more than
    ``most_pixels`` is refused before it is decoded. Raises InputError."""
    return _decoded(content, "The picture", most_pixels=most_pixels)


def _decoded(
    source: Path | bytes, what: str, *, upright: bool = True, most_pixels: int | None = None
) -> NDArray[np.uint8]:
    try:
        with opened_image(source, FORMATS) as image:
            if most_pixels is not None and image.width * image.height > most_pixels:
                size = f"{image.height}x{image.width} (height x width)"
                raise InputError(
                    f"{what} can't be decoded",
                    f"it has {size} pixels, and {most_pixels:,} are the most here",
                    "Make the picture smaller first.",
                )
            image.load()
            return np.asarray(_to_rgb(_upright(image) if upright else image))
    except (*BROKEN, TooManyPixelsError, _DepthError) as error:
        raise _refusal(what, error) from error


def upright_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture as :func:`decode_picture` gives it, without decoding it. Raises
    InputError."""
    try:
        with opened_image(path, FORMATS) as image:
            width, height = image.size
    except (*BROKEN, TooManyPixelsError) as error:
        raise _refusal(f"The picture {path}", error) from error
    turned = stored_turned(path)
    return (width, height) if turned and turned.swaps_sides else (height, width)


@dataclass(frozen=True, kw_only=True)
class Turned:
    """A picture that is not upright in its file: its height and width there, in pixels."""

    height: int
    width: int
    swaps_sides: bool


def stored_turned(path: Path) -> Turned | None:
    """How a picture is stored that :func:`decode_picture` turns or mirrors; None for any other one.

    Only the file's head is read. None, too, for a file that can't be read, and for TIFF: Pillow
    turns that by itself, so that nobody sees it as stored.
    """
    try:
        with open_file(path) as file:
            head = file.read(_HEAD_BYTES)
        if not any(mark in head for mark in _MARKS):
            return None
        with opened_image(path, FORMATS) as image:
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            (width, height), kind = image.size, image.format
    except (*BROKEN, TooManyPixelsError):
        return None
    if orientation not in _TURNS or kind == "TIFF":
        return None
    return Turned(height=height, width=width, swaps_sides=orientation in _SWAPPED)


class _DepthError(Exception):
    """More than 8 bits per channel, which Pillow would cut off."""


def _upright(image: Image.Image) -> Image.Image:
    try:
        # Asked after loading: where Pillow turns a picture itself (TIFF), it then says so.
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except BROKEN:
        turn = None  # metadata that can't be read turn no picture
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        bits = f"its channels ({image.mode}) have more than 8 bits"
        raise _DepthError(f"{bits}, which would be cut off")
    if not image.has_transparency_data:
        return image.convert("RGB")
    canvas = Image.new("RGBA", image.size, "white")
    canvas.alpha_composite(image.convert("RGBA"))
    return canvas.convert("RGB")


def _refusal(what: str, error: Exception) -> InputError:
    why, todo = str(error), "Replace the file or leave it out."
    if isinstance(error, UnidentifiedImageError):
        why, todo = f"it is none of {', '.join(FORMATS)}, or broken", "Convert it, or leave it out."
    elif isinstance(error, TooManyPixelsError):
        todo = f"Make the picture smaller first. {PICTURE_PIXELS.todo}"
    elif isinstance(error, _DepthError):
        todo = "Scale it to 8 bits first, so that 0 is black and 255 white."
    else:
        why = getattr(error, "strerror", "") or why or type(error).__name__
    return InputError(f"{what} can't be decoded", why, todo)
