"""What tools leave in a COCO JSON."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netzoo.data.coco.dataset import Dataset, read_coco
from sizewise.core.errors import InputError

WriteCoco = Callable[[dict[str, Any]], Path]


def under(root: str, *names: str) -> list[dict[str, Any]]:
    """The root of Roboflow's exports at 0, and the two classes below it."""
    classes = [
        {"id": number, "name": name, "supercategory": root}
        for number, name in zip((90, 5), names, strict=True)
    ]
    return [{"id": 0, "name": root, "supercategory": "none"}, *classes]


def same(one: Dataset, other: Dataset) -> bool:
    pairs = zip(one.images, other.images, strict=True)
    labels = all(a.labels.tolist() == b.labels.tolist() for a, b in pairs)
    return one.classes == other.classes and labels


def test_boxes_without_extent_are_left_out_with_a_count(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    before = read_coco(write_json(small_coco))
    flat = {"id": 918, "image_id": 3, "category_id": 5, "bbox": [20.5, 30.25, 1.03, 0.0]}
    small_coco["annotations"] += [flat, flat | {"id": 919, "bbox": [1, 1, 0, 0]}]
    found = read_coco(write_json(small_coco))
    assert same(found, before)
    assert found.sha256 == before.sha256
    said = "2 boxes of 5 have no width or no height: left out."
    assert found.remarks == (said, *before.remarks)


@pytest.mark.parametrize(
    "odd", [{}, {"bbox": []}, {"bbox": None}, {"bbox": None, "area": None, "segmentation": None}]
)
def test_annotations_without_a_box_are_left_out_with_a_count(
    odd: dict[str, Any], small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    before = read_coco(write_json(small_coco))
    small_coco["annotations"].append({"id": 918, "image_id": 3, "category_id": 5} | odd)
    found = read_coco(write_json(small_coco))
    assert same(found, before)
    assert found.sha256 == before.sha256
    assert "1 annotation of 4 has no box: left out." in found.remarks


@pytest.mark.parametrize("box", [[60, 2, 3, 4], [-9, 2, 9, 4], [3, 40.5, 5, 5]])
def test_a_box_just_outside_its_picture_is_left_out_with_a_count(
    box: list[float], small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    before = read_coco(write_json(small_coco))
    stray = {"id": 918, "image_id": 3, "category_id": 5, "bbox": box}
    small_coco["annotations"].append(stray)
    found = read_coco(write_json(small_coco))
    assert same(found, before)
    assert found.sha256 == before.sha256
    assert "1 box of 4 lies outside the picture: left out." in found.remarks


def test_many_boxes_outside_their_pictures_are_refused(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    """They are for other pictures, or for pictures of another size."""
    for one in small_coco["annotations"][:2]:
        one["bbox"] = [60, 2, 3, 4]
    said = r"annotation 11: the box \[60.*\] lies outside its image of 40x60 pixels"
    with pytest.raises(InputError, match=said):
        read_coco(write_json(small_coco))


def test_whole_numbers_with_a_point_are_whole_numbers(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    """As some tools write them, which keep tables of floating-point numbers."""
    before = read_coco(write_json(small_coco))
    for kind in ("images", "annotations", "categories"):
        for one in small_coco[kind]:
            whole = {key: float(value) for key, value in one.items() if type(value) is int}
            one.update(whole)
    found = read_coco(write_json(small_coco))
    assert same(found, before)
    assert found.sha256 == before.sha256
    assert all(type(image.id) is int for image in found.images)


def test_null_is_nothing(small_coco: dict[str, Any], write_json: WriteCoco) -> None:
    del small_coco["annotations"][0]["area"]
    before = read_coco(write_json(small_coco))
    small_coco["annotations"][0] |= {"area": None, "iscrowd": None}
    found = read_coco(write_json(small_coco))
    assert same(found, before)
    assert found.sha256 == before.sha256


def crowds(coco: dict[str, Any], write_json: WriteCoco, *marks: int) -> str:
    """What is said where these of the three boxes are crowds."""
    for one, mark in zip(coco["annotations"], marks, strict=True):
        one["iscrowd"] = mark
    remarks = read_coco(write_json(coco)).remarks
    return " ".join(remark for remark in remarks if "(iscrowd)" in remark)


def test_crowds_are_counted_and_many_are_doubtful(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    """Every mask is one, where a tool calls brushed masks so; nothing was annotated, then."""
    assert crowds(small_coco, write_json, 0, 0, 0) == ""
    said = crowds(small_coco, write_json, 1, 1, 1)
    assert said.startswith("3 boxes of 3 are crowds (iscrowd): detectors are neither")
    assert "set iscrowd to 0" in said
    more = [dict(small_coco["annotations"][0], id=number, iscrowd=0) for number in range(20, 40)]
    small_coco["annotations"] = small_coco["annotations"][:1] + more
    small_coco["annotations"][0]["iscrowd"] = 1
    (said,) = read_coco(write_json(small_coco)).remarks
    assert said.startswith("1 box of 21 is a crowd (iscrowd)")
    assert "set iscrowd" not in said


@pytest.mark.parametrize("root", ["animals", "cat"])
def test_a_root_category_is_no_class(
    root: str, small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    before = read_coco(write_json(small_coco))
    small_coco["categories"] = under(root, "cat", "dog")
    found = read_coco(write_json(small_coco))
    assert same(found, before)
    assert "stands above all others: it is left out" in found.remarks[0]


def test_a_class_without_annotations_is_no_root(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    """As of COCO: persons stand below a category of their own name."""
    categories = small_coco["categories"]
    for one in (*categories, {"id": 1, "name": "person", "supercategory": "person"}):
        one.setdefault("supercategory", "animal")
    small_coco["categories"] = [*categories, {"id": 1, "name": "person"}]
    assert read_coco(write_json(small_coco)).classes == ("person", "dog", "cat")


@pytest.mark.parametrize("above", ["none", "animals"])
def test_a_category_above_some_is_a_class_with_a_remark(
    above: str, small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    """A root beside another category, or one that names itself: it may be a class, too, which
    these data have none of."""
    root, *others = under("animals", "cat", "dog")
    root["supercategory"] = above
    more = [] if above == "animals" else [{"id": 7, "name": "car", "supercategory": "none"}]
    small_coco["categories"] = [root, *others, *more]
    found = read_coco(write_json(small_coco))
    assert set(found.classes) == {"animals", "cat", "dog", *(one["name"] for one in more)}
    said = "Category 0 (animals) has no annotations and stands above 2 others: it is taken for a"
    assert found.remarks[0].startswith(said)
    small_coco["annotations"][0]["category_id"] = 0
    assert not any("stands above" in one for one in read_coco(write_json(small_coco)).remarks)


def test_of_two_categories_without_annotations_one_counts(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    small_coco["categories"] += [{"id": number, "name": "star"} for number in (98, 99)]
    found = read_coco(write_json(small_coco))
    assert (found.classes, found.category_ids) == (("dog", "cat", "star"), (5, 90, 98))
    said = "Category 99 (star) has no annotations and the name of another one: it is left out."
    assert said in found.remarks


def test_a_second_category_of_a_name_counts_where_it_is_annotated(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    before = read_coco(write_json(small_coco))
    small_coco["categories"].append({"id": 4, "name": "dog"})
    found = read_coco(write_json(small_coco))
    assert same(found, before)
    said = "Category 4 (dog) has no annotations and the name of another one: it is left out."
    assert found.remarks == (said, *before.remarks)
    small_coco["annotations"][0]["category_id"] = 4
    small_coco["annotations"][2]["category_id"] = 5
    with pytest.raises(InputError, match="2 categories have the name 'dog'"):
        read_coco(write_json(small_coco))


def test_names_of_windows_and_a_byte_order_mark_are_read(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    path = write_json(small_coco)
    before = read_coco(path)
    small_coco["images"][1]["file_name"] = "deep\\b.png"
    path.write_bytes(codecs.BOM_UTF8 + json.dumps(small_coco).encode())
    found = read_coco(path)
    assert found.images[1].path == before.images[1].path
    assert found.sha256 == before.sha256


def test_pictures_alone_are_a_data_set(small_coco: dict[str, Any], write_json: WriteCoco) -> None:
    del small_coco["annotations"]
    found = read_coco(write_json(small_coco))
    assert [len(image.boxes) for image in found.images] == [0, 0]
