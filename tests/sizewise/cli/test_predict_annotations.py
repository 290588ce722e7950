"""Results for the pictures of a COCO JSON: its ids, its classes, and boxes in its pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.sizewise.cli.conftest import Cli
from tests.sizewise.cli.finders import write_finder
from tests.sizewise.cli.test_predict import (
    HEIGHT,
    WIDTH,
    expect_box,
    refused,
    results,
    write_picture,
)

pytestmark = pytest.mark.usefixtures("in_process")


def write_listing(path: Path, *pictures: Path, height: int, width: int, classes: int = 2) -> Path:
    """A COCO JSON of ``pictures``; ``white``, the second class, has the id 9."""
    names = ("dark", "white", "grey")[:classes]
    content = {
        "images": [
            {"id": 70 + place, "file_name": picture.name, "height": height, "width": width}
            for place, picture in enumerate(pictures)
        ],
        "annotations": [],
        "categories": [{"id": 4 + 5 * i, "name": name} for i, name in enumerate(names)],
    }
    path.write_text(json.dumps(content))
    return path


def test_boxes_are_in_the_pixels_that_annotations_are_for(cli: Cli, tmp_path: Path) -> None:
    finder, out = write_finder(tmp_path / "finder.onnx"), tmp_path / "out"
    picture = write_picture(tmp_path / "side.jpg", orientation=6)
    base = ("predict", finder, picture, "--size", "256", "--out", out, "--json", "--annotations")
    upright = write_listing(tmp_path / "up.json", picture, height=HEIGHT, width=WIDTH)
    (result,) = results(cli(*base, upright))
    expect_box(result)
    assert (result["image_id"], result["category_id"]) == (70, 9)
    stored = write_listing(tmp_path / "stored.json", picture, height=WIDTH, width=HEIGHT)
    (result,) = results(cli(*base, stored))
    with Image.open(picture) as image:  # which turns nothing by itself
        white = np.asarray(image).min(axis=2) > 200
    rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
    box = [columns[0], rows[0], len(columns), len(rows)]
    np.testing.assert_allclose(result["bbox"], box, atol=3)
    other = write_listing(tmp_path / "other.json", picture, height=77, width=WIDTH)
    refused(cli(*base, other), 1, "is not what its annotations are for", "77x150")


def test_a_file_without_names_has_the_classes_of_the_annotations(cli: Cli, tmp_path: Path) -> None:
    model = write_finder(tmp_path / "nameless.onnx", layout="b_4c_n", card=None)
    picture = write_picture(tmp_path / "a.png")
    base = ("predict", model, picture, "--layout", "b_4c_n", "--out", tmp_path / "out")
    said = cli(*base, "--json")
    assert "of classes, numbers from 1" in said.err
    assert "does not name its classes" in said.err
    assert [result["category_id"] for result in results(said)] == [2]
    listing = write_listing(tmp_path / "two.json", picture, height=HEIGHT, width=WIDTH)
    assert "1× white" in cli(*base, "--annotations", listing).out
    told = cli(*base, "--annotations", listing, "--json")
    assert [result["category_id"] for result in results(told)] == [9]
    assert "dark (4), white (9)" in told.err
    three = write_listing(tmp_path / "three.json", picture, height=HEIGHT, width=WIDTH, classes=3)
    refused(cli(*base, "--annotations", three), 1, "2 classes instead of 3")
