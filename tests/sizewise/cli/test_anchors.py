"""``sizewise anchors``: what it prints is what a training fits, and every anchor has a head."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netzoo.data.coco.dataset import Dataset, write_coco
from netzoo.weights.checkpoint import read_header
from netzoo.zoo.network import find_network
from tests.netzoo.factories import squares
from tests.sizewise.cli.conftest import Cli


@pytest.fixture
def squares_set(tmp_path: Path) -> Dataset:
    return squares(tmp_path / "data", 20)


@pytest.fixture
def data(squares_set: Dataset, tmp_path: Path) -> Path:
    write_coco(squares_set, tmp_path / "data" / "train.json")
    return tmp_path / "data"


def _pairs(of: dict[str, Any]) -> list[tuple[float, float]]:
    return [(w, h) for head in of["heads"] for w, h in head["anchors"]]


def _best_iou(shape: tuple[float, float], anchors: list[tuple[float, float]]) -> float:
    """As the definition says, one by one."""
    found = []
    for width, height in anchors:
        shared = min(shape[0], width) * min(shape[1], height)
        found.append(shared / (shape[0] * shape[1] + width * height - shared))
    return max(found)


@pytest.mark.parametrize("network", ["yolov3", "yolov4-tiny", "yolov2"])
def test_the_mean_best_iou_is_that_of_the_boxes_as_the_network_sees_them(
    cli: Cli, data: Path, squares_set: Dataset, network: str
) -> None:
    """Pictures of 96x128 at 192x192: 1.5 times as large letterboxed, or stretched to 2 × 1.5."""
    said = cli("anchors", network, "--data", data, "--sizes", 192, "--json")
    assert said.code == 0, said
    found = json.loads(said.out)
    entry = find_network(network)
    assert found["fit"] == ("letterbox" if entry.letterbox else "stretch")
    scale = (1.5, 1.5) if entry.letterbox else (1.5, 2.0)
    sides = np.concatenate([i.boxes[:, 2:] - i.boxes[:, :2] for i in squares_set.images])
    shapes = [(w * scale[0], h * scale[1]) for w, h in sides.tolist()]
    for part in ("before", "after"):
        expected = np.mean([_best_iou(shape, _pairs(found[part])) for shape in shapes])
        assert found[part]["mean_best_iou"] == pytest.approx(expected)
        assert sum(head["share"] for head in found[part]["heads"]) == pytest.approx(1)
    assert found["after"]["mean_best_iou"] > found["before"]["mean_best_iou"]
    assert found["data"]["boxes"] == len(shapes)


def test_every_fitted_anchor_belongs_to_a_head(cli: Cli, data: Path) -> None:
    """YOLOv4-tiny's own masks leave the smallest one out, and have another twice."""
    found = json.loads(cli("anchors", "yolov4-tiny", "--data", data, "--json").out)
    line = list(map(float, found["anchors"].split(",")))
    fitted = sorted(zip(line[::2], line[1::2], strict=True))
    assert sorted(map(tuple, _pairs(found["after"]))) == fitted
    assert len(set(_pairs(found["before"]))) == 5
    assert [head["stride"] for head in found["after"]["heads"]] == [16, 32]
    areas = [[w * h for w, h in head["anchors"]] for head in found["after"]["heads"]]
    assert max(areas[0]) <= min(areas[1])


def test_the_next_command_trains_with_these_anchors_as_one_without_them_does(
    cli: Cli, data: Path, tmp_path: Path
) -> None:
    said = cli("anchors", "yolov4-tiny", "--data", data, "--sizes", "64,96")
    assert said.code == 0, said
    assert "Mean best IoU: " in said.out
    (line,) = [line for line in said.err.splitlines() if line.startswith("Next: ")]
    command = shlex.split(line.removeprefix("Next: sizewise "))
    assert command[:4] == ["train", "yolov4-tiny", "--data", str(data)]
    quick = ("--width", 0.05, "--steps", 1, "--batch", 2)
    for name, words in (("given", command), ("fitted", command[: command.index("--anchors")])):
        assert cli(*words, *quick, "--out", tmp_path / name).code == 0
    files = [tmp_path / name / "yolov4-tiny.safetensors" for name in ("given", "fitted")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert read_header(files[0]).config.masks == ((3, 4, 5), (0, 1, 2))


def test_other_anchors_are_another_training(cli: Cli, data: Path, tmp_path: Path) -> None:
    quick = ("--sizes", 64, "--width", 0.05, "--steps", 1, "--batch", 2)
    call = ("train", "yolov2-tiny", "--data", data, *quick, "--out", tmp_path / "out")
    anchors = "5,5,9,9,15,15,30,30,60,60"
    assert cli(*call).code == 0
    assert "--anchors has changed" in cli(*call, "--anchors", anchors).err
    assert "trained anew" in cli(*call, "--anchors", anchors, "--replace").err
    path = tmp_path / "out" / "yolov2-tiny.safetensors"
    assert read_header(path).config.anchors[-1] == (60, 60)
    assert "not trained again" in cli(*call, "--anchors", anchors).err
    assert "--anchors has changed" in cli(*call).err
    assert "trained anew" in cli(*call, "--replace").err
    assert read_header(path).config.anchors[-1] != (60, 60)


def test_too_few_shapes_leave_the_published_anchors(
    cli: Cli, squares_set: Dataset, data: Path
) -> None:
    write_coco(replace(squares_set, images=squares_set.images[:1]), data / "train.json")
    found = json.loads(cli("anchors", "yolov3", "--data", data, "--sizes", 128, "--json").out)
    assert found["too_few"]
    assert found["after"] == found["before"]
    said = cli("anchors", "yolov3", "--data", data, "--sizes", 128)
    assert "too few shapes" in said.err
    assert "--anchors" not in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("anchors", "darknet19"), "darknet19 has no anchors"),
        (("anchors", "yolov5"), "yolov3"),
        (("anchors", "yolov3", "--sizes", "big"), "'big'"),
        (("train", "darknet19", "--anchors", "1,2"), "it has no anchors"),
        (("train", "yolov3", "--anchors", "1,2,3"), "3 numbers are no anchors"),
        (("train", "yolov3", "--anchors", "1,2"), "can't use 1 anchors"),
    ],
)
def test_what_has_no_such_anchors_is_refused(
    cli: Cli, data: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    out = ("--out", tmp_path / "out") if words[0] == "train" else ()
    found = cli(*words, "--data", data, *out)
    assert found.code == 2, found
    assert said in found.err


def test_data_without_boxes_are_refused(cli: Cli, squares_set: Dataset, data: Path) -> None:
    (image, *_) = squares_set.images
    empty = replace(
        image, boxes=np.empty((0, 4), np.float32), labels=np.empty(0, np.int64), segments=()
    )
    write_coco(replace(squares_set, images=(empty,)), data / "train.json")
    found = cli("anchors", "yolov3", "--data", data)
    assert found.code == 1
    assert "none of its boxes has a width and a height" in found.err
