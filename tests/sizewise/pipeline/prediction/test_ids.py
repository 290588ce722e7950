from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO

from netzoo.tasks.drawing import class_name
from sizewise.core.errors import InputError
from sizewise.pipeline.prediction.ids import COCO_IDS, find_ids

A, B = Path("x/000000000139.jpg"), Path("x/000000000285.jpg")
FILE: dict[str, Any] = {
    "images": [
        {"id": 7, "file_name": "deep/a.jpg", "height": 40, "width": 60},
        {"id": 3, "file_name": "deep\\b.jpg", "height": 40, "width": 60},
    ],
    "annotations": [],
    "categories": [{"id": 90, "name": "cat"}, {"id": 5, "name": "dog"}],
}


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "val.json"
    path.write_text(json.dumps(FILE))
    return path


def test_cocos_ids_leave_out_ten_categories() -> None:
    assert len(COCO_IDS) == 80
    assert (COCO_IDS[0], COCO_IDS[-1]) == (1, 90)
    assert {12, 26, 66, 83}.isdisjoint(COCO_IDS)
    classes = ["person", *map(str, range(78)), "toothbrush"]
    ids = find_ids((A, B), classes, None)
    assert [ids.category(label) for label in (0, 11, 79)] == [1, 13, 90]
    assert class_name(79, tuple(classes)) == "toothbrush"


def test_pictures_are_numbered_as_their_files_are() -> None:
    assert find_ids((A, B), ("a", "b"), None).pictures == {A: 139, B: 285}
    same = (A, Path("y/139.png"))
    assert find_ids(same, ("a",), None).pictures == {same[0]: 1, same[1]: 2}
    named = (Path("cat.jpg"), Path("12.jpg"))
    ids = find_ids(named, ("a", "b"), None)
    assert ids.pictures == {named[0]: 1, named[1]: 2}
    assert [ids.category(label) for label in (0, 1)] == [1, 2]


def test_a_coco_json_says_both_by_names(listed: Path) -> None:
    pictures = (Path("here/b.jpg"), Path("here/a.jpg"))
    ids = find_ids(pictures, ("dog", "horse", "cat"), listed)
    assert ids.pictures == {pictures[0]: 3, pictures[1]: 7}
    assert [ids.category(label) for label in range(3)] == [5, None, 90]
    assert [find_ids(pictures, (), listed).category(label) for label in (0, 1)] == [5, 90]


def test_results_are_taken_by_pycocotools(listed: Path) -> None:
    ids = find_ids((Path("a.jpg"),), ("dog",), listed)
    result = {
        **{"image_id": ids.pictures[Path("a.jpg")], "category_id": ids.category(0)},
        **{"bbox": [1, 2, 3, 4], "score": 0.5},
    }
    with contextlib.redirect_stdout(io.StringIO()):
        found = COCO(listed).loadRes([result])
    assert found.getAnnIds(catIds=[5], imgIds=[7])


def test_a_picture_that_the_json_lacks_is_named(listed: Path) -> None:
    with pytest.raises(InputError, match=r"c\.jpg has no id in .*0 of its images"):
        find_ids((Path("c.jpg"),), ("dog",), listed)
