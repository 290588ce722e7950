"""Data sets as they are published, and as tools write them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netzoo.data.sources import open_dataset
from sizewise.core.errors import InputError, UsageError

WriteCoco = Callable[[dict[str, Any]], Path]


@pytest.mark.parametrize(
    ("split", "json_name", "pictures"),
    [
        ("val", "annotations/instances_val2017.json", "val2017"),
        ("train", "annotations/instances_train2014.json", "train2014"),
        ("val", "annotations/instances_val2017.json", "images/val2017"),
        ("val", "valid/_annotations.coco.json", "valid"),
        ("train", "train/_annotations.coco.json", "train"),
        ("val", "annotations/instances_default.json", "images"),
        ("train", "annotations/instances_Train.json", "images/Train"),
        ("val", "annotations/instances_Validation.json", "images/Validation"),
        ("val", "validation.json", ""),
        ("val", "result.json", "images"),
        ("val", "val.json", "val"),
    ],
)
def test_a_folder_is_opened_as_it_comes(
    split: Any, json_name: str, pictures: str, small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    made = write_json(small_coco)
    home = made.parent / "home"
    (home / pictures / "deep").mkdir(parents=True)
    (home / json_name).parent.mkdir(parents=True, exist_ok=True)
    for name in ("a.png", "deep/b.png"):
        shutil.move(made.parent / name, home / pictures / name)
    shutil.move(made, home / json_name)
    found = open_dataset(str(home), split)
    assert [image.path for image in found.images] == [
        home / pictures / "a.png",
        home / pictures / "deep/b.png",
    ]
    assert found.name == f"home {split}"
    for_both = json_name in ("annotations/instances_default.json", "result.json")
    assert any("for training and for validation" in one for one in found.remarks) == for_both


def test_two_sets_of_one_split_are_the_users_choice(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    made = write_json(small_coco)
    home = made.parent / "home" / "annotations"
    home.mkdir(parents=True)
    for year in (2014, 2017):
        shutil.copy(made, home / f"instances_val{year}.json")
    said = r"several sets of val data: instances_val2014\.json, instances_val2017\.json"
    with pytest.raises(InputError, match=said):
        open_dataset(str(home.parent), "val")


@pytest.mark.parametrize(
    ("json_name", "pictures"),
    [
        ("image_info_test-dev2017", "test2017"),
        ("image_info_test-dev2015", "images/test2015"),
        ("instances_minival2014", "val2014"),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_splits_of_coco_without_pictures_of_their_own_find_them(
    json_name: str,
    pictures: str,
    named: bool,
    small_coco: dict[str, Any],
    write_json: WriteCoco,
) -> None:
    small_coco["annotations"] = []
    made = write_json(small_coco)
    home = made.parent / "home"
    (home / "annotations").mkdir(parents=True)
    (home / pictures / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.png"):
        shutil.move(made.parent / name, home / pictures / name)
    path = shutil.move(made, home / "annotations" / f"{json_name}.json")
    where = (home / pictures).parent if named else None
    found = open_dataset(str(path), "val", images=where)
    assert found.images[0].path == home / pictures / "a.png"


def apart(made: Path, pictures: str, *names: str) -> tuple[Path, Path]:
    """The JSON alone in a folder, and its pictures in another, by these names."""
    notes, home = made.parent / "notes", made.parent / "home"
    notes.mkdir()
    for old, new in zip(("a.png", "deep/b.png"), names, strict=True):
        (home / pictures / new).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made.parent / old, home / pictures / new)
    return Path(shutil.move(made, notes / "instances_val2017.json")), home


@pytest.mark.parametrize(
    ("pictures", "names"),
    [
        (".", ("a.png", "deep/b.png")),
        ("images", ("a.png", "deep/b.png")),
        ("val2017", ("a.png", "deep/b.png")),
        (".", ("a.png", "b.png")),
        ("val2017", ("a.png", "b.png")),
    ],
)
def test_pictures_lie_in_the_folder_that_is_named(
    pictures: str, names: tuple[str, str], small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    made, home = apart(write_json(small_coco), pictures, *names)
    found = open_dataset(str(made), "val", images=home)
    assert [image.path for image in found.images] == [home / pictures / name for name in names]
    assert found.images[0].read().shape == (40, 60, 3)


def test_a_path_of_another_machine_is_looked_for_in_the_folder_alone(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    made, home = apart(write_json(small_coco), ".", "a.png", "b.png")
    for image, name in zip(small_coco["images"], ("a.png", "b.png"), strict=True):
        shutil.copy(home / name, made.parent / name)
        image["file_name"] = str(made.parent / name)
    made.write_text(json.dumps(small_coco), encoding="utf-8")
    found = open_dataset(str(made), "val", images=home)
    assert [image.path for image in found.images] == [home / "a.png", home / "b.png"]


def test_a_missing_picture_is_named_with_both_folders(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    made, home = apart(write_json(small_coco), ".", "a.png", "deep/b.png")
    (home / "deep" / "b.png").unlink()
    with pytest.raises(InputError) as caught:
        open_dataset(str(made), "val", images=home)
    assert "1 of 2 pictures" in caught.value.what
    assert "the first is deep/b.png" in caught.value.why
    assert str(home) in caught.value.why
    assert caught.value.why.endswith(f"instances_val2017.json lies in {made.parent}")
    with pytest.raises(InputError, match=r"2 of 2 pictures.*Name their folder with images"):
        open_dataset(str(made), "val")


def test_names_that_are_there_twice_are_taken_as_they_are_written(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    small_coco["images"][0]["file_name"] = "one/a.png"
    small_coco["images"][1]["file_name"] = "two/a.png"
    made = write_json(small_coco)
    flat = made.parent / "flat"
    flat.mkdir()
    shutil.copy(made.parent / "one/a.png", flat / "a.png")
    with pytest.raises(InputError, match="2 of 2 pictures"):
        open_dataset(str(made), "val", images=flat)


def test_a_built_in_data_set_brings_its_pictures(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="images can't be given for digits"):
        open_dataset("digits", "val", images=tmp_path)
