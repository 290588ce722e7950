"""Detectors whose graph chooses boxes itself, in the forms that exporters give them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.sizewise.cli.conftest import Cli
from tests.sizewise.cli.finders import CARD, write_finder
from tests.sizewise.pipeline.accuracy.test_other_fit import BOX, write_data

pytestmark = pytest.mark.usefixtures("in_process")

pytest.importorskip("onnxruntime")
FORMS = {
    "b_n_6": "b_n_6",
    "boxes_scores_labels": "boxes_scores_labels",
    "one_image": "boxes_scores_labels",
    "dets_labels": "dets_labels",
    "m_7": "m_7",
    "m_6": "m_6",
    "tf_detection": "tf_detection",
    "boxes_scores": "boxes_scores",
    "dets": "dets",
    "boxes_scores_indices": "boxes_scores_indices",
}
"""The layout of each form that the finder has."""
SIZE = "96x192"
ONE_CLASS = ("boxes_scores", "dets")
"""Much the same: one is evaluated, and the other predicts."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures with a white rectangle, and one that shows nothing; ``white.json`` beside it has
    no other class."""
    folder = tmp_path_factory.mktemp("data")
    path = write_data(folder, 192, 96)
    Image.new("RGB", (192, 96), (40, 60, 20)).save(folder / "3.png")
    coco = json.loads(path.read_text())
    coco["annotations"] = [one for one in coco["annotations"] if one["image_id"] != 3]
    path.write_text(json.dumps(coco))
    for one in coco["annotations"]:
        one["category_id"] = 1
    white = coco | {"categories": [{"id": 1, "name": "white"}]}
    (folder / "white.json").write_text(json.dumps(white))
    return path


@pytest.mark.parametrize("form", [one for one in FORMS if one != "dets"])
def test_a_file_of_others_is_evaluated_by_the_layout_that_is_proposed(
    cli: Cli, data: Path, form: str, tmp_path: Path
) -> None:
    model = write_finder(tmp_path / "net.onnx", layout=form, card=None)
    shown = data.with_name("white.json") if form in ONE_CLASS else data
    command = ("evaluate", model, "--data", shown, "--sizes", SIZE, "--fit", "letterbox")
    unsaid = cli(*command)
    assert unsaid.code == 2, unsaid
    _, proposed = unsaid.err.split("By their shapes they may be ")
    assert FORMS[form] in proposed
    said = cli(*command, "--layout", FORMS[form], "--json")
    assert said.code == 0, said
    (row,) = json.loads(said.out)["rows"]
    assert (row["ap50"], row["ap"]) == (pytest.approx(1), pytest.approx(1))


@pytest.mark.parametrize("form", [one for one in FORMS if one != "boxes_scores"])
def test_its_boxes_are_predicted_where_they_are(
    cli: Cli, data: Path, form: str, tmp_path: Path
) -> None:
    card = replace(CARD, layout=FORMS[form])
    model = write_finder(tmp_path / "net.onnx", layout=form, card=card)
    pictures = (data.parent / "1.png", data.parent / "3.png")
    said = cli("predict", model, *pictures, "--size", SIZE, "--out", tmp_path / "out", "--json")
    assert said.code == 0, said
    (found,) = json.loads(said.out)
    x0, y0, x1, y1 = BOX
    np.testing.assert_allclose(found["bbox"], [x0, y0, x1 - x0, y1 - y0], atol=1)
    assert found["score"] == pytest.approx(0.9)
    assert found["file_name"].endswith("1.png")
