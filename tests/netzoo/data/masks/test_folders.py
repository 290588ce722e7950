"""Masks as files beside pictures: numbers of classes, or white objects."""

from __future__ import annotations

import codecs
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from netzoo.data.masks.index import IndexMask, labels_of_values
from netzoo.data.masks.label_maps import LEFT_OUT
from netzoo.data.sources import open_dataset
from sizewise.core.errors import InputError, UsageError

Pixels = NDArray[np.uint8]
NUMBERS: Pixels = np.array([[0, 1, 2], [2, 255, 1]], np.uint8)


def write(path: Path, pixels: Pixels, mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    if mode == "P":
        image.putpalette(list(range(256)) * 3)
    image.save(path)


def write_pairs(pictures: Path, masks: Path, *names: str, mode: str = "L") -> None:
    for turn, name in enumerate(names):
        write(pictures / f"{name}.jpg", np.full((2, 3, 3), 40 * turn, np.uint8))
        write(masks / f"{name}.png", np.roll(NUMBERS, turn, 1), mode)


def name_classes(folder: Path, *names: str) -> None:
    (folder / "classes.txt").write_text("\n".join(names) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("pictures", "masks"),
    [
        ("val/images", "val/masks"),
        ("valid/images", "valid/masks"),
        ("images/val", "masks/val"),
        ("images/validation", "annotations/validation"),
        ("img_dir/val", "ann_dir/val"),
    ],
)
@pytest.mark.parametrize("mode", ["L", "P"])
def test_masks_lie_beside_their_pictures(
    tmp_path: Path, pictures: str, masks: str, mode: str
) -> None:
    write_pairs(tmp_path / pictures, tmp_path / masks, "b", "a", mode=mode)
    name_classes(tmp_path, "background", "cat", "dog")
    data = open_dataset(str(tmp_path), "val")
    assert [image.path.name for image in data.images] == ["a.jpg", "b.jpg"]
    assert (data.classes, data.background) == (("cat", "dog"), True)
    second = data.images[1]
    np.testing.assert_array_equal(second.label_map(), [[0, 1, 2], [2, LEFT_OUT, 1]])
    np.testing.assert_array_equal(second.mask(), [[0, 1, 1], [1, 0, 1]])
    assert second.read().shape == (2, 3, 3)
    with pytest.raises(InputError, match="has no train data"):
        open_dataset(str(tmp_path), "train")
    with pytest.raises(UsageError, match="images can't be given"):
        open_dataset(str(tmp_path), "val", images=tmp_path)


def test_the_pictures_of_pascal_voc_are_those_that_are_listed(tmp_path: Path) -> None:
    write_pairs(tmp_path / "JPEGImages", tmp_path / "SegmentationClass", "a", "b", "c", mode="P")
    listed = tmp_path / "ImageSets" / "Segmentation" / "val.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text("c\na\n", encoding="utf-8")
    name_classes(tmp_path, "background", "cat", "dog")
    data = open_dataset(str(tmp_path), "val")
    assert [image.path.name for image in data.images] == ["c.jpg", "a.jpg"]
    listed.write_text("c\nd\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"1 of 2 pictures in .*JPEGImages are missing: .*d"):
        open_dataset(str(tmp_path), "val")


def test_byte_order_marks_are_no_part_of_the_first_names(tmp_path: Path) -> None:
    """Neither of the first class nor of the first picture that is listed."""
    write_pairs(tmp_path / "JPEGImages", tmp_path / "SegmentationClass", "a", "b", mode="P")
    listed = tmp_path / "ImageSets" / "Segmentation" / "val.txt"
    listed.parent.mkdir(parents=True)
    listed.write_bytes(codecs.BOM_UTF8 + b"b\r\na\r\n")
    (tmp_path / "classes.txt").write_bytes(codecs.BOM_UTF8 + b"background\r\ncat\r\ndog\r\n")
    data = open_dataset(str(tmp_path), "val")
    assert [image.path.name for image in data.images] == ["b.jpg", "a.jpg"]
    assert (data.classes, data.background) == (("cat", "dog"), True)


def test_numbers_that_are_called_void_or_ignore_are_left_out() -> None:
    classes, labels = labels_of_values(("road", "void", "car", "ignore", "road"))
    assert classes == ("road", "car")
    assert labels == (1, LEFT_OUT, 2, LEFT_OUT, 1)
    assert labels_of_values(("__background__", "car")) == (("car",), (0, 1))


def test_without_a_background_every_pixel_has_a_class(tmp_path: Path) -> None:
    write_pairs(tmp_path / "val/images", tmp_path / "val/masks", "a")
    name_classes(tmp_path, "road", "car", "sky")
    data = open_dataset(str(tmp_path), "val")
    assert (data.classes, data.background) == (("road", "car", "sky"), False)
    np.testing.assert_array_equal(data.images[0].label_map(), [[1, 2, 3], [3, LEFT_OUT, 2]])


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ([[0, 255], [255, 0]], [[0, 1], [1, 0]]),
        ([[0, 1], [1, 0]], [[0, 1], [1, 0]]),
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]]),
        ([[False, True], [True, False]], [[0, 1], [1, 0]]),
        ([[[0] * 3, [255] * 3], [[255] * 3, [0] * 3]], [[0, 1], [1, 0]]),
    ],
)
def test_without_names_white_is_an_object(tmp_path: Path, pixels: Any, expected: Any) -> None:
    kind = bool if isinstance(pixels[0][0], bool) else np.uint8
    write(tmp_path / "a.png", np.array(pixels, kind))
    found = IndexMask(path=tmp_path / "a.png").read(2, 2)
    np.testing.assert_array_equal(found, expected)


def test_numbers_without_names_are_refused_and_not_taken_for_grey(tmp_path: Path) -> None:
    write_pairs(tmp_path / "val/images", tmp_path / "val/masks", "a")
    data = open_dataset(str(tmp_path), "val")
    assert data.classes == ("object",)
    with pytest.raises(InputError, match=r"value 1, and without a classes\.txt.*name these"):
        data.images[0].mask()
    with pytest.raises(InputError, match="value 1"):
        data.images[0].check_mask()


@pytest.mark.parametrize(
    ("pixels", "why"),
    [
        (
            np.full((2, 3), 7, np.uint8),
            "it has the value 7, and classes.txt names the values 0 to 1",
        ),
        (np.zeros((3, 2), np.uint8), "it is 3x2 pixels .height x width., its picture 2x3"),
        (np.random.default_rng(0).integers(0, 9, (2, 3, 3), np.uint8), "its pixels are colours"),
    ],
)
def test_what_is_no_mask_of_the_picture_is_refused(
    tmp_path: Path, pixels: Pixels, why: str
) -> None:
    write(tmp_path / "a.png", pixels)
    with pytest.raises(InputError, match=rf"The mask .*a\.png can't be used: {why}"):
        IndexMask(path=tmp_path / "a.png", labels=(0, 1)).read(2, 3)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_broken_masks_are_refused(tmp_path: Path, content: bytes) -> None:
    write_pairs(tmp_path / "val/images", tmp_path / "val/masks", "a")
    (tmp_path / "val/masks/a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"The mask .*a\.png can't be used"):
        open_dataset(str(tmp_path), "val")


def test_each_picture_has_a_mask_and_masks_alone_are_remarked_on(tmp_path: Path) -> None:
    write_pairs(tmp_path / "val/images", tmp_path / "val/masks", "a", "b", "c")
    name_classes(tmp_path, "background", "cat", "dog")
    (tmp_path / "val/images/c.jpg").unlink()
    data = open_dataset(str(tmp_path), "val")
    assert data.remarks == ("1 mask has no picture: left out.",)
    (tmp_path / "val/masks/a.png").unlink()
    with pytest.raises(InputError, match=r"1 of 2 masks in .*masks are missing: the first is a"):
        open_dataset(str(tmp_path), "val")
    shutil.copy(tmp_path / "val/images/b.jpg", tmp_path / "val/images/b.jpeg")
    with pytest.raises(InputError, match=r"Two files in .*images have the name b: b\.jp"):
        open_dataset(str(tmp_path), "val")


def test_data_are_known_by_masks_pictures_and_names(tmp_path: Path) -> None:
    write_pairs(tmp_path / "a/val/images", tmp_path / "a/val/masks", "a", "b")
    name_classes(tmp_path / "a", "background", "cat", "dog")
    known = open_dataset(str(tmp_path / "a"), "val").sha256
    moved = shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert open_dataset(str(moved), "val").sha256 == known
    name_classes(moved, "background", "cat", "cow")
    renamed = open_dataset(str(moved), "val").sha256
    write(moved / "val/masks/a.png", np.zeros((2, 3), np.uint8))
    assert len({known, renamed, open_dataset(str(moved), "val").sha256}) == 3


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    write_pairs(tmp_path / "images/val", tmp_path / "masks/val", os.fsdecode(b"\xff"), "a")
    with pytest.raises(InputError, match="no text"):
        open_dataset(str(tmp_path), "val")
