"""YOLO9000 from the command line: a tree of classes, exported and trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from netzoo.data.coco.dataset import write_coco
from sizewise.core.onnxfiles.model import read_model
from tests.netzoo.factories import squares
from tests.sizewise.cli.conftest import Cli

NARROW = ("--width", 0.1, "--depth", 0.1)
TRAIN = ("train", "yolo9000", "--data", "DATA")
FILES = {
    "TREE": "thing -1\nblue 0\nwarm 0\nred 2\n",
    "NAMES": "thing\nhue\nwarm thing\nhue\n",
    "TWO NAMES": "a\na\n",
    "TWO": "thing -1\ngreen 0\n",
    "CIRCLE": "thing -1\nblue 2\nred 1\n",
    "UNKNOWN": "thing -1\nblue 9\n",
    "WORD": "thing -1\nblue thing\n",
}


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Path]:
    """What arguments in capitals stand for."""
    places = {name: tmp_path / name for name in (*FILES, "OUT")}
    for name, content in FILES.items():
        places[name].write_text(content)
    places["DATA"] = tmp_path / "pictures" / "boxed.json"
    write_coco(squares(tmp_path / "pictures", 2), places["DATA"])
    return places


def test_the_file_says_which_classes_are_kinds_of_which(cli: Cli, given: dict[str, Path]) -> None:
    made = cli(
        *("export", "yolo9000", *NARROW, "--tree", given["TREE"], "--names", given["NAMES"]),
        *("--fixed", "--size", 64, "--out", given["OUT"], "--json"),
    )
    assert made.code == 0, made
    card = read_model(Path(json.loads(made.out)[0]["path"])).card
    assert card.tree == (-1, 0, 0, 2)
    assert card.classes == ("thing", "hue (blue)", "warm thing", "hue (red)")


def test_boxes_and_classified_images_train_together(
    cli: Cli, given: dict[str, Path], tmp_path: Path
) -> None:
    from netzoo.weights.checkpoint import read_header

    for name in ("red", "warm"):
        folder = tmp_path / "whole" / "train" / name
        folder.mkdir(parents=True)
        Image.new("RGB", (40, 30), "red").save(folder / "1.png")
    request = (
        *("train", "yolo9000", *NARROW, "--tree", given["TREE"], "--loss", "joint"),
        *("--data", given["DATA"], "--classification-data", tmp_path / "whole"),
        *("--steps", 2, "--batch", 5, "--sizes", 64, "--out", given["OUT"], "--json"),
    )
    made = cli(*request)
    assert made.code == 0, made
    header = read_header(Path(json.loads(made.out)["checkpoint"]))
    assert header.config.tree == (-1, 0, 0, 2)
    assert header.config.classes == ("thing", "blue", "warm", "red")
    assert header.provenance.classified_sha256
    assert "not trained again" in cli(*request).err


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("export", "yolov3", "--tree", "TREE"), 2, "yolov3 can't be built with a tree"),
        (("export", "yolo9000", "--tree", "CIRCLE"), 1, "is its own ancestor"),
        (("export", "yolo9000", "--tree", "UNKNOWN"), 1, "class 1 is 9, and there is no such"),
        (("export", "yolo9000", "--tree", "WORD"), 1, "Line 2 of"),
        (("export", "yolo9000", "--tree", "none.tree"), 1, "can't be read"),
        (("export", "yolo9000", "--tree", "TREE", "--names", "TWO NAMES"), 2, "has 4 classes"),
        (("export", "some.safetensors", "--tree", "TREE"), 2, "a checkpoint takes only --raw"),
        ((*TRAIN, "--tree", "TREE", "--loss", "joint"), 2, "Give --classification-data too"),
        ((*TRAIN, "--classification-data", "DATA"), 2, "only a class label"),
        ((*TRAIN, "--tree", "TWO"), 1, "red, blue are not among its 2 classes"),
        (("train", "yolov3", "--data", "DATA", "--loss", "joint"), 2, "with dense or paper"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(
    cli: Cli, given: dict[str, Path], arguments: tuple[str, ...], code: int, part: str
) -> None:
    said = cli(*(given.get(argument, argument) for argument in arguments), "--out", given["OUT"])
    assert said.code == code
    assert part in said.err
    assert "Traceback" not in said.err
