from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from netzoo.data.pictures import read_picture
from sizewise.core.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)


def test_pixels_come_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path)
    picture = read_picture(path, 4, 6)
    assert picture.dtype == np.uint8
    assert_array_equal(picture, PIXELS)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "LA"])
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.fromarray(PIXELS).convert(mode).save(path)
    assert read_picture(path, 4, 6).shape == (4, 6, 3)


def test_a_palette_with_transparency_becomes_rgb(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).convert("P").save(path, transparency=bytes(range(200)))
    assert read_picture(path, 4, 6).shape == (4, 6, 3)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_more_than_8_bits_are_refused_and_not_cut_off(dtype: type, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(np.full((4, 6), 300, dtype)).save(path)
    with pytest.raises(InputError, match="more than 8 bits"):
        read_picture(path, 4, 6)


def test_a_picture_lying_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn clockwise to show
    Image.fromarray(PIXELS).save(path, exif=exif)
    assert_array_equal(read_picture(path, 6, 4), np.rot90(PIXELS, -1))


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_picture_that_was_annotated_as_stored_is_read_as_stored(
    orientation: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PIXELS).save(path, exif=exif)
    assert_array_equal(read_picture(path, 4, 6), PIXELS)
    assert read_picture(path, 6, 4).shape == (6, 4, 3)


def test_another_size_than_the_annotations_say_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path)
    with pytest.raises(InputError, match=r"it is 4x6 pixels .* the JSON says 6x4"):
        read_picture(path, 6, 4)


@pytest.mark.parametrize("kind", ["empty", "text", "cut"])
def test_what_can_not_be_decoded_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path)
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"no picture", "cut": whole[: len(whole) // 2]}[kind])
    with pytest.raises(InputError, match=r"a\.png can't be decoded"):
        read_picture(path, 4, 6)
