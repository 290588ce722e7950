from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netzoo.data.coco.dataset import read_coco

WriteCoco = Callable[[dict[str, Any]], Path]


def test_place_and_spelling_do_not_matter(
    small_coco: dict[str, Any], write_json: WriteCoco, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_json(small_coco)
    copy = tmp_path_factory.mktemp("copy") / "there"
    shutil.copytree(path.parent, copy)
    (copy / "data.json").write_text(json.dumps(small_coco | {"info": "other"}, indent=2))
    assert read_coco(copy / "data.json").sha256 == read_coco(path).sha256


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["annotations"][0]["bbox"].__setitem__(0, 5),
        lambda c: c["annotations"][0].update(category_id=90),
        lambda c: c["annotations"][0].update(iscrowd=1),
        lambda c: c["annotations"][0]["segmentation"][0].__setitem__(0, 5),
        lambda c: c["annotations"].pop(),
        lambda c: c["images"].pop(),
        lambda c: c["categories"][0].update(name="lion"),
    ],
)
def test_every_annotation_matters(
    change: Callable[[dict[str, Any]], object], small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    before = read_coco(write_json(small_coco)).sha256
    change(small_coco)
    assert read_coco(write_json(small_coco)).sha256 != before


@pytest.mark.parametrize("size", [10, 20_000, 40_000, 200_000])
@pytest.mark.parametrize("end", [0, -1])
def test_pictures_matter_at_both_ends_and_in_length(
    size: int, end: int, small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    path = write_json(small_coco)
    picture = path.parent / "a.png"
    found = set()
    content = bytearray(size)
    for _ in range(2):
        picture.write_bytes(content)
        found.add(read_coco(path).sha256)
        content[end] = 1
    picture.write_bytes(bytes(size + 1))
    found.add(read_coco(path).sha256)
    assert len(found) == 3


def test_small_pictures_matter_whole(small_coco: dict[str, Any], write_json: WriteCoco) -> None:
    path = write_json(small_coco)
    found = set()
    for place in range(0, 32 * 1024, 1024):
        content = bytearray(32 * 1024)
        content[place] = 1
        (path.parent / "a.png").write_bytes(content)
        found.add(read_coco(path).sha256)
    assert len(found) == 32
