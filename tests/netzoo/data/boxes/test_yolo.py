from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netzoo.data.coco.dataset import Dataset
from netzoo.data.faults import Noted, Strict
from netzoo.data.sources import is_dataset, open_dataset
from sizewise.core.errors import InputError
from tests.netzoo.data.boxes.layouts import write_yolo
from tests.netzoo.factories import squares


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path / "squares", 5)


@pytest.fixture
def folder(tmp_path: Path, data: Dataset) -> Path:
    return write_yolo(tmp_path / "yolo", train=data, val=data)


@pytest.mark.parametrize("given", ["", "data.yaml"])
def test_boxes_are_those_that_were_written(folder: Path, data: Dataset, given: str) -> None:
    assert is_dataset(folder)
    found = open_dataset(str(folder / given), "val")
    assert found.name == "yolo val"
    assert found.classes == data.classes
    for ours, theirs in zip(found.images, data.images, strict=True):
        np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-4)
        assert np.array_equal(ours.labels, theirs.labels)
        assert np.array_equal(ours.read(), theirs.read())


def test_a_polygon_has_its_box_and_its_mask(folder: Path) -> None:
    text = folder / "labels" / "train" / "0.txt"
    text.write_text("1 0.25 0.25 0.75 0.25 0.75 0.5 0.25 0.5\n", encoding="utf-8")
    image = open_dataset(str(folder), "train").images[0]
    w, h = image.width, image.height
    np.testing.assert_allclose(image.boxes, [[w / 4, h / 4, 3 * w / 4, h / 2]])
    assert image.mask().mean() == pytest.approx(0.5 * 0.25, rel=0.05)


def test_a_picture_without_a_file_has_no_boxes(folder: Path) -> None:
    (folder / "labels" / "train" / "0.txt").unlink()
    assert len(open_dataset(str(folder), "train").images[0].boxes) == 0


def test_a_text_file_whose_picture_is_missing_is_noted(folder: Path) -> None:
    """A training does without, as it can't tell what the picture was."""
    (folder / "images" / "train" / "0.png").unlink()
    (folder / "labels" / "train" / "classes.txt").write_text("red\nblue\n", encoding="utf-8")
    assert len(open_dataset(str(folder), "train").images) == 4
    noted = Noted()
    open_dataset(str(folder), "train", faults=noted)
    (fault,) = noted.found
    assert fault.kind == "picture"
    assert str(fault) == (
        f"The picture of {folder / 'labels' / 'train' / '0.txt'}: "
        f"it is not in {folder / 'images' / 'train'}"
    )
    with pytest.raises(InputError, match=r"The picture of .*0\.txt can't be used"):
        open_dataset(str(folder), "train", faults=Strict())


def test_a_picture_that_a_list_leaves_out_is_not_missing(folder: Path) -> None:
    listed = folder / "train.txt"
    listed.write_text("images/train/1.png\n", encoding="utf-8")
    (folder / "data.yaml").write_text("train: train.txt\nnames: [red, blue]\n", "utf-8")
    noted = Noted()
    assert len(open_dataset(str(folder), "train", faults=noted).images) == 1
    assert noted.found == []


def test_folders_as_roboflow_names_them(folder: Path, data: Dataset) -> None:
    for split in ("train", "valid"):
        (folder / split).mkdir()
        for kind in ("images", "labels"):
            source = folder / kind / split.replace("valid", "val")
            source.rename(folder / split / kind)
    (folder / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\nnames:\n  0: red\n  1: blue\n", "utf-8"
    )
    found = open_dataset(str(folder), "val")
    assert found.classes == ("red", "blue")
    assert [len(i.boxes) for i in found.images] == [len(i.boxes) for i in data.images]


def test_without_a_yaml_the_classes_are_in_a_file(folder: Path) -> None:
    (folder / "data.yaml").unlink()
    with pytest.raises(InputError, match="has no train data"):
        open_dataset(str(folder), "train")
    (folder / "classes.txt").write_text("red\nblue\n", encoding="utf-8")
    assert len(open_dataset(str(folder), "train").images) == 5


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2 0.5 0.5 0.1 0.1", "line 1 has the class 2, and there are 2"),
        ("-1 0.5 0.5 0.1 0.1", "class -1"),
        ("0.5 0.5 0.5 0.1 0.1", "class 0.5"),
        ("0 0.5 0.5 0.1", "4 numbers"),
        ("0 0.5 0.5 0.1 0.1 0.3", "6 numbers"),
        ("red 0.5 0.5 0.1 0.1", "'red 0.5"),
        ("0 nan 0.5 0.1 0.1", "'0 nan"),
        ("1e400 0.5 0.5 0.1 0.1", "'1e400"),
    ],
)
def test_a_wrong_line_is_named(folder: Path, line: str, said: str) -> None:
    (folder / "labels" / "train" / "3.txt").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=said):
        open_dataset(str(folder), "train")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2",
        "names: []\ntrain: images/train",
        "names: [a]\n",
        "names: {1: a}\ntrain: x",
        "names: [a]\ntrain: gone",
        "- a",
        "a: &a [*a]\nnames: *a",
        "!!python/object:os.system {}",
    ],
)
def test_a_yaml_that_says_too_little_is_refused(folder: Path, text: str) -> None:
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"data\.yaml can't be used"):
        open_dataset(str(folder), "train")
