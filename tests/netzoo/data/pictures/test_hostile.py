"""Pictures that are broken or lie about themselves: pixels, or an error with a sentence."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from netzoo.data.masks.index import IndexMask, size_of
from netzoo.data.pictures.decoding import decode_picture, stored_turned
from sizewise.core.errors import InputError
from sizewise.core.options.limits import PICTURE_PIXELS
from tests.netzoo.data.pictures.broken import campaign


def png_of(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is of this size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + content + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"),
    [(16_000, 10_001), (13_000, 13_000), (2**31 - 1, 2**31 - 1), (160_000_001, 1)],
)
def test_a_picture_of_too_many_pixels_is_not_decoded(
    width: int, height: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(png_of(width, height))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", pytest.fail)
    for read in (decode_picture, size_of, lambda mask: IndexMask(path=mask).read(1, 1)):
        with pytest.raises(InputError, match="pixels are more than the limit of 160,000,000"):
            read(path)
    assert stored_turned(path) is None


def test_the_limit_is_named_and_can_be_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_of(20_000, 20_000))
    for read in (size_of, decode_picture):
        with pytest.raises(InputError, match="Set the variable SIZEWISE_MAX_PIXELS"):
            read(path)
    monkeypatch.setenv(PICTURE_PIXELS.variable, "400000000")
    before = Image.MAX_IMAGE_PIXELS
    assert size_of(path) == (20_000, 20_000)
    assert before == Image.MAX_IMAGE_PIXELS


def test_broken_pictures_end_in_a_sentence_or_are_read_as_pillow_reads_them(tmp_path: Path) -> None:
    found = campaign(30, 0, tmp_path)
    assert found.violations == []
    assert found.kinds == {"read", "refused"}
