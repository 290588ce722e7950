from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image

from netzoo.data.coco.format import CocoImage
from netzoo.data.pictures.images import read_picture, remarks_on_turned
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
    with pytest.raises(InputError, match=r"it is 4x6 pixels .* they say 6x4"):
        read_picture(path, 6, 4)


@pytest.mark.parametrize("kind", ["empty", "text", "cut"])
def test_what_can_not_be_decoded_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path)
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"no picture", "cut": whole[: len(whole) // 2]}[kind])
    with pytest.raises(InputError, match=r"a\.png can't be decoded"):
        read_picture(path, 4, 6)


def write_turned(path: Path, orientation: int, pixels: NDArray[np.uint8] = PIXELS) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"lossless": True} if path.suffix == ".webp" else {}
    Image.fromarray(pixels).save(path, exif=exif, **options)
    return path


def remarks_on(*pictures: tuple[Path, int, int]) -> list[str]:
    """What is said of pictures of which a data set says these heights and widths."""
    images = [
        CocoImage(id=number, file_name=path.name, height=height, width=width)
        for number, (path, height, width) in enumerate(pictures)
    ]
    return list(remarks_on_turned(images, [path for path, _, _ in pictures]))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_pictures_that_are_read_as_stored_are_counted(suffix: str, tmp_path: Path) -> None:
    paths = [write_turned(tmp_path / f"{number}.{suffix}", 6) for number in range(3)]
    shown, stored = (6, 4), (4, 6)
    assert remarks_on(*((path, *shown) for path in paths)) == []
    said = remarks_on((paths[0], *stored), (paths[1], *stored), (paths[2], *shown))
    assert said == ["2 pictures of 3 are turned (EXIF) and annotated as stored: read as stored."]


@pytest.mark.parametrize(("orientation", "square"), [(3, False), (2, False), (6, True)])
def test_pictures_whose_size_does_not_tell_how_they_were_annotated_are_counted(
    orientation: int, square: bool, tmp_path: Path
) -> None:
    pixels = PIXELS[:, :4] if square else PIXELS
    path = write_turned(tmp_path / "a.jpg", orientation, pixels)
    (said,) = remarks_on((path, pixels.shape[0], pixels.shape[1]))
    assert said.startswith("1 picture of 1 is turned (EXIF), and the size does not tell")


@pytest.mark.parametrize("kind", ["upright", "plain", "broken", "tif"])
def test_of_other_pictures_nothing_is_said(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ("a.tif" if kind == "tif" else "a.jpg")
    if kind == "plain":
        Image.fromarray(PIXELS).save(path)
    else:
        write_turned(path, 1 if kind == "upright" else 3)
    if kind == "broken":
        path.write_bytes(path.read_bytes()[:30])
    assert remarks_on((path, 4, 6)) == []
