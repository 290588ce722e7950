"""The same pictures and boxes, laid out as Pascal VOC, YOLO and COCO have them, train alike."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from netzoo.data.coco.dataset import Dataset, read_coco
from netzoo.data.sets.digits import make_digits
from netzoo.data.sources import open_dataset
from netzoo.training.augmenting.settings import PRESETS
from netzoo.training.history import History
from netzoo.training.settings import TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.config import NetworkConfig
from sizewise.core.specs import Sizes
from tests.netzoo.data.boxes.layouts import write_voc, write_yolo

SETTINGS = TrainingSettings(
    steps=4,
    batch_size=4,
    sizes=Sizes.parse("64:128:32"),
    threads=1,
    arithmetic="fp32",
    augmentation=PRESETS["mosaic"],
)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sklearn")
    pytest.importorskip("skimage")
    folder = tmp_path_factory.mktemp("digits")
    make_digits(folder, {"train": 8, "val": 2}, seed=3)
    return folder


def as_published(folder: Path, digits: Path) -> Path:
    """annotations/instances_train2017.json beside train2017/, as COCO is published."""
    (folder / "annotations").mkdir(parents=True)
    shutil.copytree(digits / "images", folder / "train2017")
    text = (digits / "train.json").read_text(encoding="utf-8").replace("images/", "")
    (folder / "annotations" / "instances_train2017.json").write_text(text, encoding="utf-8")
    return folder


def losses(data: Dataset) -> list[tuple[str, dict[str, float]]]:
    config = NetworkConfig(name="yolov3-tiny", classes=data.classes, width=0.125)
    history = History()
    train(config, data, SETTINGS, history=history)
    return [(str(row.size), dict(row.parts)) for row in history.rows]


def test_the_same_seed_gives_the_same_losses_in_every_layout(digits: Path, tmp_path: Path) -> None:
    ours = read_coco(digits / "train.json")
    voc = write_voc(tmp_path / "voc", train=ours)
    yolo = write_yolo(tmp_path / "yolo", train=ours)
    coco = as_published(tmp_path / "coco", digits)
    expected = losses(ours)
    assert len({size for size, _ in expected}) > 1
    for folder in (voc, yolo, coco):
        found = open_dataset(str(folder), "train", boxes=True)
        assert found.classes == ours.classes
        assert losses(found) == expected


def test_losses_are_those_of_the_boxes(digits: Path, tmp_path: Path) -> None:
    """What the test above can tell: a box that is one pixel narrower gives other losses."""
    ours = read_coco(digits / "train.json")
    narrower = write_voc(tmp_path / "voc", train=ours)
    xml = sorted((narrower / "Annotations").glob("*.xml"))[0]
    before, xmax, after = xml.read_text(encoding="utf-8").partition("<xmax>")
    value, end, rest = after.partition("</xmax>")
    xml.write_text(f"{before}{xmax}{int(value) - 1}{end}{rest}", encoding="utf-8")
    assert losses(open_dataset(str(narrower), "train", boxes=True)) != losses(ours)
