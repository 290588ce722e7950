"""``sizewise train``: what it leaves to look at beside a checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from netzoo.data.coco.dataset import write_coco
from netzoo.training.logs import tensorboard
from tests.netzoo.factories import squares
from tests.sizewise.cli.conftest import Cli

QUICK = ("--width", 0.05, "--depth", 0.1, "--batch", 2, "--sizes", "64", "--steps")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "squares"
    found = squares(folder, 6)
    write_coco(found, folder / "train.json")
    write_coco(replace(found, images=found.images[1:]), folder / "val.json")
    return folder


def test_curves_and_batches_lie_beside_the_checkpoint(cli: Cli, data: Path, tmp_path: Path) -> None:
    call = ("train", "yolov2-tiny", "--data", data, *QUICK, 6, "--out", tmp_path / "out")
    said = cli(*call, "--draw-batches", 2)
    assert said.code == 0, said
    names = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert names == {f"yolov2-tiny.{one}.png" for one in ("training", "batch1", "batch2")}
    drawn = tmp_path / "out" / "yolov2-tiny.batch1.png"
    assert f"2 batches are drawn in {drawn} to yolov2-tiny.batch2.png." in said.err
    for name in names:
        with Image.open(tmp_path / "out" / name) as image:
            assert image.format == "PNG"
    weights = (tmp_path / "out" / "yolov2-tiny.safetensors").read_bytes()
    assert cli(*call[:-1], tmp_path / "other").code == 0
    other = tmp_path / "other" / "yolov2-tiny.safetensors"
    assert other.read_bytes() == weights  # to look at batches changes nothing


def test_no_more_batches_are_drawn_than_there_are(cli: Cli, data: Path, tmp_path: Path) -> None:
    call = ("train", "yolov2-tiny", "--data", data, *QUICK, 3, "--out", tmp_path)
    said = cli(*call, "--draw-batches", 100)
    assert "3 batches are drawn" in said.err
    assert "(100 were asked for: the training has no more)" in said.err
    assert len(list(tmp_path.glob("*.batch*.png"))) == 3


def test_tensorboard_without_its_package_is_refused_before_the_training(
    cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    call = ("train", "yolov2-tiny", "--data", data, *QUICK, 1, "--out", tmp_path / "out")
    said = cli(*call, "--tensorboard")
    assert said.code == 1
    assert "--tensorboard can't be used: neither tensorboard nor tensorboardX" in said.err
    assert list((tmp_path / "out").iterdir()) == []
