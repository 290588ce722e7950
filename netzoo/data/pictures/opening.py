"""Picture files opened without decoding them: regular files, of no more pixels than the limit."""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from sizewise.core.files import open_file
from sizewise.core.options.limits import PICTURE_PIXELS

BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, OverflowError),
    *(MemoryError, AttributeError, ArithmeticError, RuntimeError, struct.error, zlib.error),
)
"""What Pillow's decoders raise over damaged files."""


class TooManyPixelsError(Exception):
    """A picture has more of them than the limit, or a frame within it; the message says so."""

    def __init__(self, count: int) -> None:
        super().__init__(f"its {PICTURE_PIXELS.excess(count)}")


@contextmanager
def opened_image(path: Path, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """The picture at ``path``, not decoded yet: a few bytes can say that it is as large as they
    like.

    Raises TooManyPixelsError, and :data:`BROKEN` as Pillow does and where ``path`` is no file.
    """
    with open_file(path) as file, warnings.catch_warnings(), _limit_of_pillow():
        # Of large pictures and odd metadata; what can't be used is an error all the same.
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=formats) as image:
                if (count := image.width * image.height) > PICTURE_PIXELS.most:
                    raise TooManyPixelsError(count)
                yield image
        except Image.DecompressionBombError as error:
            counted = re.search(r"\d+", str(error))  # "Image size (3600000000 pixels) exceeds …"
            count = int(counted[0]) if counted else PICTURE_PIXELS.most + 1
            raise TooManyPixelsError(count) from error


@contextmanager
def _limit_of_pillow() -> Iterator[None]:
    """Let Pillow refuse what is above our limit, also where that was raised: its own is twice
    ``MAX_IMAGE_PIXELS``."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = -(-PICTURE_PIXELS.most // 2)
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
