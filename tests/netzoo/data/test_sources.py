from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netzoo.data.sources import datasets, open_dataset
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
    folder = write_json(small_coco).parent
    with pytest.raises(InputError, match=r"train\.json is missing; there is data\.json"):
        open_dataset(str(folder), "train")


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'didgits'.*data sets are: digits"):
        open_dataset("didgits", "train")


@pytest.mark.parametrize("source", ["x" * 5000, "no\0thing", ""])
def test_what_is_no_path_is_a_sentence(source: str) -> None:
    with pytest.raises(InputError):
        open_dataset(source, "train")
