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
from sizewise.core.specs import Size
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


def written(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps(FILE | changes))
    return path


def test_a_root_that_roboflow_adds_is_no_class(tmp_path: Path) -> None:
    """As ``evaluate`` reads the file, so that both mean the same classes."""
    categories = [
        {"id": 0, "name": "shapes", "supercategory": "none"},
        {"id": 1, "name": "circle", "supercategory": "shapes"},
        {"id": 2, "name": "cross", "supercategory": "shapes"},
    ]
    path = written(tmp_path / "roboflow.json", categories=categories)
    ids = find_ids((Path("a.jpg"),), (), path)
    assert [ids.category(label) for label in range(3)] == [1, 2, None]
    assert ids.classes == ("circle", "cross")
    (said,) = ids.remarks
    assert "does not name its classes" in said
    assert "circle (1), cross (2)" in said


def test_classes_of_which_none_is_known_are_refused(listed: Path) -> None:
    with pytest.raises(InputError, match=r"knows class 0, class 1, and the file dog, cat.*names"):
        find_ids((Path("a.jpg"),), ("class 0", "class 1"), listed)


def test_classes_that_only_one_of_the_two_knows_are_said(listed: Path) -> None:
    pictures = (Path("a.jpg"),)
    left_out, missing = find_ids(pictures, ("background", "dog", "horse"), listed).remarks
    assert "val.json lacks 1 of the model's 3 classes" in left_out
    assert left_out.endswith("are left out: horse.")
    assert missing == "The model does not know 1 of the 2 classes of val.json: cat."
    assert not find_ids(pictures, ("dog", "cat"), listed).remarks


def test_a_model_of_no_classes_has_the_first(listed: Path) -> None:
    ids = find_ids((Path("a.jpg"),), None, listed)
    assert [ids.category(label) for label in (0, 1)] == [5, None]
    assert "dog (5)" in ids.remarks[0]


def test_ids_that_are_assumed_are_said() -> None:
    (said,) = find_ids((A, B), ("a", "b"), None).remarks
    assert "pictures, the numbers in their file names; of classes, numbers from 1" in said
    assert "annotations takes those of a COCO JSON" in said
    cocos = ["person", *map(str, range(78)), "toothbrush"]
    assert "of classes, COCO's own" in find_ids((A, B), cocos, None).remarks[0]
    counted, unnamed = find_ids((Path("cat.jpg"),), (), None).remarks
    assert "pictures, numbers from 1" in counted
    assert "names does; COCO's 80 then have COCO's ids" in unnamed
    assert len(find_ids((A, B), None, None).remarks) == 1


def test_categories_that_can_not_be_told_apart_are_refused(tmp_path: Path) -> None:
    twice = [{"id": 1, "name": "cat"}, {"id": 1, "name": "dog"}]
    path = written(tmp_path / "twice.json", categories=twice)
    with pytest.raises(InputError, match="2 categories have the id 1"):
        find_ids((Path("a.jpg"),), ("cat",), path)


def test_annotations_are_no_part_of_it(tmp_path: Path) -> None:
    """What is wrong with a box matters where boxes are compared, and not for ids."""
    wrong = {"id": 1, "image_id": 7, "category_id": 5, "bbox": [900, 900, 5, 5]}
    path = written(tmp_path / "boxes.json", annotations=[wrong])
    ids = find_ids((Path("a.jpg"),), ("dog",), path)
    assert (ids.category(0), ids.frames[Path("a.jpg")]) == (5, Size(40, 60))
