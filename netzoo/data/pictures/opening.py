"""Picture files opened without decoding them: regular files, of no more pixels than the limit."""

from __future__ import annotations

import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
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
def opened_image(source: Path | bytes, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """The picture at a path, or of a file's bytes, not decoded yet: a few bytes can say that it is
    as large as they like. Several threads may open pictures.

    Raises TooManyPixelsError, and :data:`BROKEN` as Pillow does and where a path is no file.
    """
    file = BytesIO(source) if isinstance(source, bytes) else open_file(source)
    with file, _PILLOW:
        try:
            with Image.open(file, formats=formats) as image:
                if (count := image.width * image.height) > PICTURE_PIXELS.most:
                    raise TooManyPixelsError(count)
                yield image
        except Image.DecompressionBombError as error:
            counted = re.search(r"\d+", str(error))  # "Image size (3600000000 pixels) exceeds …"
            count = int(counted[0]) if counted else PICTURE_PIXELS.most + 1
            raise TooManyPixelsError(count) from error


class _Pillow:
    """Pillow's settings while pictures are open, in one thread or several: the first to come sets
    them, the last to leave puts them back.

    Pillow refuses what is above our limit, also where that was raised: its own is twice
    ``MAX_IMAGE_PIXELS``. Warnings, of large pictures and odd metadata, are left out: what can't be
    used is an error all the same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = ExitStack()

    def __enter__(self) -> None:
        limit = -(-PICTURE_PIXELS.most // 2)
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._before.callback(_limit_pillow, Image.MAX_IMAGE_PIXELS)
                self._before.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
                _limit_pillow(limit)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._before.pop_all().close()


def _limit_pillow(pixels: int | None) -> None:
    Image.MAX_IMAGE_PIXELS = pixels


_PILLOW = _Pillow()
