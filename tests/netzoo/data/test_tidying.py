"""What tools leave in a COCO JSON."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netzoo.data.coco import Dataset, read_coco
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
    assert found.remarks == ("2 boxes of 5 have no width or no height: left out.",)
    assert before.remarks == ()


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


def test_a_second_category_of_a_name_counts_where_it_is_annotated(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    before = read_coco(write_json(small_coco))
    small_coco["categories"].append({"id": 4, "name": "dog"})
    found = read_coco(write_json(small_coco))
    assert same(found, before)
    assert found.remarks == (
        "Category 4 (dog) has no annotations and the name of another one: it is left out.",
    )
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
