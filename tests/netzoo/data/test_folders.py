"""Data sets as they are published, and as tools write them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netzoo.data.sources import open_dataset
from sizewise.core.errors import InputError

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
