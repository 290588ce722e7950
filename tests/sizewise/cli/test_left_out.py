"""``sizewise anchors`` and ``export --calibrate`` on data with parts that can't be used: named,
counted and left out, as ``train`` does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netzoo.data.coco.dataset import write_coco
from sizewise.core.onnxfiles.model import read_model
from tests.exporter.small_nets import picture_set
from tests.netzoo.data.boxes.layouts import write_yolo
from tests.netzoo.factories import squares
from tests.sizewise.cli.colour_nets import SIZES, colour_detector
from tests.sizewise.cli.conftest import Cli

KEYS = {"part", "kind", "what", "why"}


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    """10 pictures, of which one is none, and a line that can't be read."""
    folder = write_yolo(tmp_path / "yolo", train=squares(tmp_path / "data", 10))
    (folder / "images" / "train" / "3.png").write_bytes(b"no picture")
    with (folder / "labels" / "train" / "0.txt").open("a", encoding="utf-8") as file:
        file.write("\n0 0.5 half 0.1 0.1\n")
    return folder


def test_anchors_are_fitted_to_what_can_be_used(cli: Cli, yolo: Path, tmp_path: Path) -> None:
    line = ("anchors", "yolov2-tiny", "--sizes", 96, "--json", "--data")
    said = cli(*line, yolo)
    assert said.code == 0, said
    found = json.loads(said.out)
    assert [(one["part"], one["kind"]) for one in found["skipped"]] == [
        ("training", "picture"),
        ("training", "label"),
    ]
    assert all(one.keys() == KEYS for one in found["skipped"])
    assert "1 picture and 1 label can't be used and are left out. The picture " in said.err
    assert str(yolo / "images" / "train" / "3.png") in said.err
    whole = squares(tmp_path / "whole", 10)
    (tmp_path / "whole" / "3.png").unlink()
    write_coco(whole, tmp_path / "whole" / "train.json")
    other = json.loads(cli(*line, tmp_path / "whole").out)
    assert found["data"]["boxes"] == other["data"]["boxes"] == 27
    assert found["anchors"] == other["anchors"]
    strict = cli(*line, yolo, "--strict")
    assert strict.code == 1
    assert "3.png can't be decoded" in strict.err


def test_anchors_stop_where_most_cannot_be_used(cli: Cli, yolo: Path) -> None:
    for picture in list((yolo / "images" / "train").iterdir())[:8]:
        picture.write_bytes(b"no picture")
    said = cli("anchors", "yolov2-tiny", "--data", yolo)
    assert said.code == 1
    assert "of its 10 pictures can't be. The first is The picture " in said.err


def test_a_precision_is_calibrated_on_what_can_be_used(cli: Cli, tmp_path: Path) -> None:
    parent, pictures = colour_detector(tmp_path / "net.onnx").path, tmp_path / "pictures"
    picture_set(pictures)
    (broken := pictures / "broken.png").write_bytes(b"no picture")
    line = ("export", parent, "--precision", "int8", "--calibrate", pictures, "--out", tmp_path)
    how = ("--calibration-sizes", SIZES, "--check-sizes", SIZES, "--json")
    said = cli(*line, *how)
    assert said.code == 0, said
    (made,) = json.loads(said.out)
    (skipped,) = made["skipped"]
    assert skipped.keys() == KEYS
    assert (skipped["part"], skipped["kind"]) == ("calibration", "picture")
    assert skipped["what"] == f"The picture {broken} can't be decoded"
    assert f"1 picture can't be used and is left out. {skipped['what']}: " in said.err
    calibration = read_model(tmp_path / "net.int8.onnx").card.calibration
    assert calibration is not None
    assert calibration.images == 3
    strict = cli(*line, *how, "--strict")
    assert strict.code == 1
    assert f"{broken} can't be decoded" in strict.err
    broken.unlink()
    (again,) = json.loads(cli(*line, *how).out)
    assert "skipped" not in again
    assert again["sha256"] == made["sha256"]


def test_strict_is_for_calibration_pictures(cli: Cli, tmp_path: Path) -> None:
    parent = colour_detector(tmp_path / "net.onnx").path
    said = cli("export", parent, "--precision", "fp16", "--strict", "--out", tmp_path)
    assert said.code == 2
    assert "--strict can't be given by itself" in said.err
