"""Segmenters through ``predict``: the mask in the JSON and on the picture is where it should be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from netzoo.tasks.colours import class_colour
from sizewise.core.onnxfiles.model import write_card
from sizewise.core.specs import ExportedModel
from tests.bench.models import brightness
from tests.sizewise.cli.conftest import Cli
from tests.sizewise.cli.test_predict import (
    BOX,
    HEIGHT,
    WIDTH,
    expect_box,
    refused,
    results,
    write_picture,
)

pytestmark = pytest.mark.usefixtures("in_process")
X0, Y0, X1, Y1 = BOX
TRUTH = np.zeros((HEIGHT, WIDTH), bool)
TRUTH[Y0:Y1, X0:X1] = True


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    """Takes for an object what is bright."""
    return brightness(tmp_path_factory.mktemp("model") / "bright.onnx")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(("name", "orientation"), [("a.jpg", 6), ("a.png", 1), ("b.png", 3)])
def test_the_mask_is_where_the_object_is(
    cli: Cli, model: ExportedModel, tmp_path: Path, name: str, orientation: int
) -> None:
    picture = write_picture(tmp_path / name, orientation=orientation)
    out = tmp_path / "out"
    said = cli("predict", model.path, picture, "--size", "240x160", "--out", out, "--json")
    (result,) = results(said)
    mask = coco_mask.decode(result["segmentation"]).astype(bool)
    assert result["segmentation"]["size"] == [HEIGHT, WIDTH]
    assert (mask & TRUTH).sum() / (mask | TRUTH).sum() > 0.95
    assert result["area"] == mask.sum()
    expect_box(result)
    assert 0.5 < result["score"] < 1
    assert (result["image_id"], result["category_id"], result["file_name"]) == (1, 1, str(picture))
    drawn = np.asarray(Image.open(out / name)).astype(int)
    assert drawn.shape == (HEIGHT, WIDTH, 3)
    half = (255 + np.array(class_colour(0))) / 2
    assert np.abs(drawn[(Y0 + Y1) // 2, (X0 + X1) // 2] - half).max() < 10
    assert np.abs(drawn[10, 10] - (40, 60, 20)).max() < 10


def test_people_are_told_how_much_of_the_picture_it_is(
    cli: Cli, model: ExportedModel, tmp_path: Path
) -> None:
    full = write_picture(tmp_path / "full.png")
    blank = write_picture(tmp_path / "blank.png", rectangle=False)
    said = cli("predict", model.path, full, blank, "--size", "240x160", "--out", tmp_path / "out")
    assert said.code == 0, said
    first, second = said.out.splitlines()
    share = TRUTH.mean()
    assert first.startswith(f"{full}: an object on ")
    assert abs(float(first.split("an object on ")[1].split("%")[0]) / 100 - share) < 0.01
    assert second == f"{blank}: nothing → {tmp_path / 'out' / 'blank.png'}"
    told = cli("predict", model.path, full, blank, "--out", tmp_path / "out", "--json")
    assert [result["image_id"] for result in results(told)] == [1]


def test_an_engine_draws_the_same(cli: Cli, model: ExportedModel, tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "a.png")
    built = cli(
        *("build", model.path, "--strategy", "static", "--sizes", "240x160", "--batch", 2),
        *("--out", tmp_path / "engines", "--json"),
    )
    (engine,) = json.loads(built.out)["engines"]
    (result,) = results(
        cli("predict", engine["path"], picture, "--out", tmp_path / "out", "--json")
    )
    expect_box(result)


def test_options_for_boxes_are_refused(cli: Cli, model: ExportedModel, tmp_path: Path) -> None:
    given = ("predict", model.path, write_picture(tmp_path / "a.png"), "--out", tmp_path / "out")
    for option in (("--layout", "b_4c_n"), ("--score-threshold", 0.4), ("--max-detections", 9)):
        refused(cli(*given, *option), 2, f"{option[0]} can't be given", "its task is segmentation")


def test_logits_that_are_no_numbers_cost_their_picture(
    cli: Cli, model: ExportedModel, tmp_path: Path
) -> None:
    proto = onnx.load(model.path)
    for weight in proto.graph.initializer:
        if weight.name == "threshold":
            weight.CopyFrom(onnx.numpy_helper.from_array(np.array(np.nan, np.float32), "threshold"))
    write_card(proto, replace(model.card, network="nan"))
    onnx.save(proto, tmp_path / "nan.onnx")
    picture = write_picture(tmp_path / "a.png")
    said = cli("predict", tmp_path / "nan.onnx", picture, "--out", tmp_path / "out")
    refused(said, 1, "logits are NaN")
