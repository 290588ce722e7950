"""Pictures that are broken or lie about themselves: pixels, or an error with a sentence."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netzoo.data.masks.index import IndexMask, size_of
from netzoo.data.pictures.decoding import decode_picture, stored_turned
from sizewise.core.errors import InputError
from sizewise.core.options.limits import PICTURE_PIXELS

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "GIF", "WEBP", "PPM", "JPEG2000")
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)


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


def written(kind: str, chance: random.Random) -> bytes:
    mode = chance.choice({"JPEG": ("RGB", "L"), "PPM": ("RGB", "L")}.get(kind, ("RGB", "L", "P")))
    file = io.BytesIO()
    picture = Image.fromarray(PIXELS)
    exif = Image.Exif()
    exif[0x0112] = chance.randint(1, 9)
    if mode == "P" and kind in ("WEBP", "JPEG2000"):
        mode = "RGB"
    options = {"exif": exif} if kind in ("PNG", "JPEG", "TIFF", "WEBP") else {}
    picture.convert(mode).save(file, kind, **options)
    return file.getvalue()


def mutated(kind: str, chance: random.Random) -> bytes:
    """Cut, with flipped bytes, a part doubled or moved, large numbers in the head, two files."""
    content = bytearray(written(kind, chance))
    for _ in range(chance.randint(1, 3)):
        start, length = chance.randrange(len(content)), chance.randint(1, 40)
        match chance.randrange(6):
            case 0:
                del content[max(1, start) :]
            case 1:
                for _ in range(chance.randint(1, 12)):
                    content[chance.randrange(len(content))] = chance.randrange(256)
            case 2:
                content[start:start] = content[start : start + length]
            case 3:
                head = chance.randrange(min(60, len(content)))
                content[head : head + 4] = chance.choice(
                    (b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0" * 4)
                )
            case 4:
                del content[start : start + length]
            case _:
                other = written(chance.choice(FORMATS), chance)
                content[start:] = other[chance.randrange(len(other)) :]
        content = content or bytearray(b"\0")
    return bytes(content)


@pytest.mark.parametrize(
    "seeds", [range(30), pytest.param(range(30, 330), marks=pytest.mark.slow)], ids=["30", "300"]
)
def test_broken_pictures_end_in_a_sentence(seeds: range, tmp_path: Path) -> None:
    usable = 0
    for seed in seeds:
        chance = random.Random(f"pictures {seed}")
        kind = FORMATS[seed % len(FORMATS)]
        path = tmp_path / f"{seed}.{chance.choice(('png', 'jpg', 'tif', kind.lower()))}"
        path.write_bytes(mutated(kind, chance))
        stored_turned(path)
        for read in (size_of, lambda mask: IndexMask(path=mask).read(24, 32)):
            check(path, attempt(read, path))
        found = attempt(decode_picture, path)
        check(path, found)
        if isinstance(found, np.ndarray):
            usable += 1
            assert (found.dtype, found.ndim, found.shape[2]) == (np.uint8, 3, 3)
            assert found.size <= 3 * PICTURE_PIXELS.most
    assert 0 < usable < len(seeds)


def attempt(read: Callable[[Path], object], path: Path) -> object:
    """What ``read`` gives, or its typed error."""
    try:
        return read(path)
    except InputError as error:
        return error


def check(path: Path, found: object) -> None:
    if isinstance(found, InputError):
        assert path.name in found.what
        assert found.todo
