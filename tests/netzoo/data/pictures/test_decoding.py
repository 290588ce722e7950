"""Pictures as users have them, against Pillow's own reading and by what must come out."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from PIL import Image, ImageOps

from netzoo.data.pictures.decoding import decode_picture
from sizewise.core.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
RED, GREY = (220, 30, 40), (90, 90, 90)
ORIENTATION = 0x0112


def _smooth() -> Image.Image:
    """Red on the left half, grey on the right."""
    picture = Image.new("RGB", (64, 48), GREY)
    picture.paste(RED, (0, 0, 32, 48))
    return picture


def _expect_smooth(found: NDArray[np.uint8]) -> None:
    """Lossy formats keep it but for the edge, where they blur colours."""
    assert found.shape == (48, 64, 3)
    assert_allclose(found[:, :30], np.broadcast_to(RED, (48, 30, 3)), atol=12)
    assert_allclose(found[:, 34:], np.broadcast_to(GREY, (48, 30, 3)), atol=12)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp", "ppm"])
def test_lossless_formats_come_as_they_were_written(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(PIXELS).save(path, lossless=True)
    picture = decode_picture(path)
    assert picture.dtype == np.uint8
    assert_array_equal(picture, PIXELS)


@pytest.mark.parametrize("suffix", ["jpg", "webp", "jp2"])
def test_lossy_formats_come_nearly_so(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    _smooth().save(path)
    _expect_smooth(decode_picture(path))


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_grey_and_palette_keep_their_colours(mode: str, tmp_path: Path) -> None:
    other = Image.fromarray(PIXELS).convert(mode)
    other.save(tmp_path / "a.png")
    assert_array_equal(decode_picture(tmp_path / "a.png"), np.asarray(other.convert("RGB")))


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_is_no_negative(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    _smooth().convert("CMYK").save(path)
    _expect_smooth(decode_picture(path))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_what_is_transparent_lies_on_white(mode: str, tmp_path: Path) -> None:
    picture = Image.new("RGBA", (6, 4), (*GREY, 255))
    picture.paste((10, 10, 10, 0), (3, 0, 6, 4))
    path = tmp_path / "a.png"
    if mode == "P":
        indices = Image.fromarray(np.repeat([[0, 0, 0, 1, 1, 1]], 4, 0).astype(np.uint8), "P")
        indices.putpalette([*GREY, 10, 10, 10])
        indices.save(path, transparency=bytes([255, 0]))
    elif mode == "RGB":
        picture.convert("RGB").save(path, transparency=(10, 10, 10))
    else:
        picture.convert(mode).save(path)
    found = decode_picture(path)
    assert_array_equal(found[:, :3], np.full((4, 3, 3), 90))
    assert_array_equal(found[:, 3:], np.full((4, 3, 3), 255))


def test_what_is_half_transparent_is_mixed_with_white(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (0, 0, 0, 128)).save(tmp_path / "a.png")
    assert_allclose(decode_picture(tmp_path / "a.png"), 127, atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_pictures_are_turned_as_pillow_turns_them(
    suffix: str, orientation: int, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(PIXELS).save(path, exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert expected.shape[:2] == ((6, 4) if orientation > 4 else (4, 6))
    assert_array_equal(decode_picture(path), expected)


def test_broken_metadata_turn_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    _smooth().save(path, exif=exif)
    whole = path.read_bytes()
    assert whole.count(b"Exif\0\0MM\0*") == 1
    path.write_bytes(whole.replace(b"Exif\0\0MM\0*", b"Exif\0\0????"))
    _expect_smooth(decode_picture(path))


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [("tif", np.uint16), ("tif", np.int32), ("tif", np.float32), ("png", np.uint16)],
)
def test_deep_grey_is_refused_and_not_cut_off(
    suffix: str, dtype: type[np.generic], tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.full((4, 6), 300, dtype)).save(path)
    with pytest.raises(InputError, match=r"more than 8 bits.*Scale it to 8 bits"):
        decode_picture(path)


def _png(width: int, height: int, *, depth: int = 8, colour: int = 2, rows: bytes = b"") -> bytes:
    """A PNG written by the book (RFC 2083), as Pillow writes none of these."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.parametrize("colour", [2, 6])
def test_deep_colours_are_scaled(colour: int, tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (4, 6, 3 if colour == 2 else 4), np.uint16)
    deep[:, :, 3:] = 65535
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    (tmp_path / "a.png").write_bytes(_png(6, 4, depth=16, colour=colour, rows=rows))
    assert_allclose(decode_picture(tmp_path / "a.png"), deep[:, :, :3] / 257, atol=1)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_of_an_animation_the_first_picture_is_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    first, second = Image.new("RGB", (6, 4), "white"), Image.new("RGB", (6, 4), "black")
    first.save(path, save_all=True, append_images=[second, second], lossless=True)
    assert_array_equal(decode_picture(path), np.full((4, 6, 3), 255))


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "absent", "folder", "flat", "postscript"])
def test_what_can_not_be_decoded_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path)
    whole = path.read_bytes()
    contents = {
        "empty": b"",
        "text": b"no picture",
        "cut": whole[: len(whole) // 2],
        "flat": _png(0, 4),
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 4\n%%EndComments\n",
    }
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind in contents:
        path.write_bytes(contents[kind])
    with pytest.raises(InputError, match=r"a\.png can't be decoded"):
        decode_picture(path)


def test_an_absurdly_large_picture_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(_png(60_000, 60_000))
    with pytest.raises(InputError, match=r"3,600,000,000 pixels.*smaller first"):
        decode_picture(tmp_path / "a.png")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "gif"])
def test_a_damaged_picture_is_read_or_refused(
    suffix: str, data: st.DataObject, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(PIXELS).save(path)
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged[: data.draw(st.integers(len(damaged) // 2, len(damaged)))])
    try:
        picture = decode_picture(path)
    except InputError:
        return
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
