from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netzoo.data.coco.dataset import read_coco
from netzoo.data.coco.folders import Split
from netzoo.data.sources import datasets, open_dataset, splits_of
from sizewise.core.errors import InputError

WriteCoco = Callable[[dict[str, Any]], Path]


def test_registered_ones_say_what_they_are() -> None:
    known = datasets()
    assert "digits" in known
    assert all(entry.name == name and entry.description for name, entry in known.items())


def test_a_coco_json_is_opened_whatever_the_split(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    path = write_json(small_coco)
    assert len(open_dataset(str(path), "train").images) == 2
    assert len(open_dataset(str(path), "val").images) == 2


def test_a_folder_holds_both_splits(small_coco: dict[str, Any], write_json: WriteCoco) -> None:
    folder = write_json(small_coco).parent
    (folder / "train.json").write_text(json.dumps(small_coco))
    small_coco["images"].pop()
    (folder / "val.json").write_text(json.dumps(small_coco))
    assert len(open_dataset(str(folder), "train").images) == 2
    assert len(open_dataset(str(folder), "val").images) == 1


def test_a_folder_without_the_split_says_what_it_has(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    path = write_json(small_coco)
    (path.parent / "again.json").write_bytes(path.read_bytes())
    with pytest.raises(InputError, match=r"train\.json is missing; there is again\.json, data"):
        open_dataset(str(path.parent), "train")


def test_the_only_coco_json_of_a_folder_is_taken_whatever_it_is_called(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    path = write_json(small_coco)
    (path.parent / "package.json").write_text('{"name": "no data"}', "utf-8")
    splits: tuple[Split, ...] = ("train", "val")
    for split in splits:
        found = open_dataset(str(path.parent), split)
        assert found.sha256 == read_coco(path).sha256
        assert found.name == f"{path.parent.name} {split}"
        assert "data.json has all pictures" in found.remarks[-1]
    assert splits_of(str(path.parent)) == ("train",)


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'didgits'.*data sets are: digits"):
        open_dataset("didgits", "train")


@pytest.mark.parametrize("source", ["x" * 5000, "no\0thing", ""])
def test_what_is_no_path_is_a_sentence(source: str) -> None:
    with pytest.raises(InputError):
        open_dataset(source, "train")
