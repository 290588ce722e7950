"""`evaluate` and COCO's program, given what `predict --json` prints, find the same accuracy."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.sizewise.cli.conftest import Cli
from tests.sizewise.cli.finders import write_finder
from tests.sizewise.pipeline.accuracy.test_other_fit import BOX, write_data

pytestmark = pytest.mark.usefixtures("in_process")

pytest.importorskip("onnxruntime")
SIZE = "96x96"
IDS = {1: 4, 2: 9}
"""Of the two categories: a list with gaps, and not from 1."""
AS_EVALUATE = ("--score-threshold", "0.001", "--iou-threshold", "0.6", "--max-detections", "300")


def write_gapped(folder: Path) -> Path:
    """Three pictures; the annotation of one is beside its object, so that AP is neither 0 nor 1."""
    path = write_data(folder, 192, 96)
    coco = json.loads(path.read_text())
    for one in (*coco["annotations"], *coco["images"]):
        one["id"] += 70
    for one in coco["annotations"]:
        one["image_id"] += 70
        one["category_id"] = IDS[one["category_id"]]
    for one in coco["categories"]:
        one["id"] = IDS[one["id"]]
    x0, y0, x1, y1 = BOX
    coco["annotations"][0]["bbox"] = [x0 + 9, y0, x1 - x0, y1 - y0]
    path.write_text(json.dumps(coco))
    return path


def cocos(truth: Path, results: list[dict[str, Any]]) -> tuple[float, float]:
    """AP and AP50 by COCO's own program."""
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO(str(truth))
        evaluation: Any = COCOeval(known, known.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), float(evaluation.stats[1])


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_cocos_program_finds_what_evaluate_finds(cli: Cli, fit: str, tmp_path: Path) -> None:
    data = write_gapped(tmp_path)
    model = write_finder(tmp_path / "finder.onnx")
    said = cli("evaluate", model, "--data", data, "--sizes", SIZE, "--fit", fit, "--json")
    assert said.code == 0, said
    (row,) = json.loads(said.out)["rows"]
    assert 0 < row["ap"] < 1
    pictures = sorted(tmp_path.glob("*.png"))
    told = cli(
        *("predict", model, *pictures, "--size", SIZE, "--fit", fit, *AS_EVALUATE, "--json"),
        *("--annotations", data, "--out", tmp_path / "out"),
    )
    assert told.code == 0, told
    assert cocos(data, json.loads(told.out)) == pytest.approx((row["ap"], row["ap50"]), abs=1e-6)


@pytest.mark.parametrize("stored", [False, True])
def test_pictures_on_their_side_are_evaluated_as_they_were_annotated(
    cli: Cli, stored: bool, tmp_path: Path
) -> None:
    """Orientation 6: shown, the picture in the file is turned clockwise."""
    path = write_data(tmp_path, 192, 96)
    coco = json.loads(path.read_text())
    exif = Image.Exif()
    exif[0x0112] = 6
    for one in coco["images"]:
        picture = tmp_path / one["file_name"]
        with Image.open(picture) as shown:
            turned = shown.transpose(Image.Transpose.ROTATE_90)
        turned.save(picture, exif=exif)
        if stored:
            one["width"], one["height"] = 96, 192
    for one in coco["annotations"] if stored else ():
        x, y, width, height = one["bbox"]
        one["bbox"] = [y, 192 - x - width, height, width]
    path.write_text(json.dumps(coco))
    size = "192x96" if stored else "96x192"
    model = write_finder(tmp_path / "finder.onnx")
    said = cli("evaluate", model, "--data", path, "--sizes", size, "--json")
    assert said.code == 0, said
    (row,) = json.loads(said.out)["rows"]
    assert (row["ap"], row["ap50"]) == (pytest.approx(1), pytest.approx(1))
    assert ("read as stored" in said.err) == stored
