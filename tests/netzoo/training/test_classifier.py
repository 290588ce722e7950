"""Darknet-19 and Darknet-53 as classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from netzoo.data.classified import ClassifiedSet, crops_of, open_classified
from netzoo.training.evaluate import evaluate_network
from netzoo.training.loading.batches import draw_batches
from netzoo.training.settings import TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network
from sizewise.core.errors import InputError, UsageError
from sizewise.core.specs import Size, Sizes
from tests.netzoo.factories import CLASSES, narrow_config, squares
from tests.netzoo.training.notes import Notes

SETTINGS = TrainingSettings(
    steps=30, batch_size=8, sizes=Sizes.parse("32,64"), warmup_steps=2, threads=1
)


@pytest.fixture
def crops(tmp_path: Path) -> ClassifiedSet:
    return crops_of(squares(tmp_path / "squares", 4))


def narrow(name: str) -> NetworkConfig:
    return NetworkConfig(name=name, classes=CLASSES, width=0.125, depth=0.1)


def test_thirty_steps_halve_the_loss(crops: ClassifiedSet) -> None:
    notes = Notes()
    train(narrow("darknet19"), crops, SETTINGS, notes)
    assert sum(notes.losses[-3:]) / 3 < notes.losses[0] / 2


@pytest.mark.parametrize("name", ["darknet19", "darknet53"])
def test_a_hundred_steps_tell_the_classes_apart(name: str, crops: ClassifiedSet) -> None:
    network = train(narrow(name), crops, replace(SETTINGS, steps=100, ema_decay=0.8))
    assert evaluate_network(network, crops, Size(64, 64))["top1"] > 0.9


def test_batches_carry_a_label_for_each_image(crops: ClassifiedSet) -> None:
    seen = []
    for batch in draw_batches(crops, replace(SETTINGS, steps=6, batch_size=4)):
        whole = batch.targets.whole
        assert whole is not None
        assert len(batch.images) == len(whole) == 4
        assert len(batch.targets.boxes) == len(batch.targets.labels) == 0
        seen += whole.tolist()
    assert sorted(seen[:12]) == sorted(image.label for image in crops.images)


def test_the_kind_of_data_must_be_the_networks(crops: ClassifiedSet, tmp_path: Path) -> None:
    boxed = squares(tmp_path / "boxed", 2)
    with pytest.raises(
        InputError, match=r"darknet19 can't be trained on squares.*classified images"
    ):
        train(narrow("darknet19"), boxed, SETTINGS)
    with pytest.raises(InputError, match=r"yolov3 can't be trained on squares.*boxes"):
        train(narrow_config(), crops, SETTINGS)
    with pytest.raises(UsageError, match=r"darknet19.*'dense'.*cross_entropy"):
        train(narrow("darknet19"), crops, replace(SETTINGS, loss="dense"))
    with pytest.raises(InputError, match="no images"):
        train(narrow("darknet19"), replace(crops, images=()), SETTINGS)


def test_one_cell_of_one_image_is_refused(crops: ClassifiedSet) -> None:
    with pytest.raises(UsageError, match="32x32 with one image per step"):
        train(narrow("darknet19"), crops, replace(SETTINGS, batch_size=1))


class Sorter(Network):
    """Tells red from blue by the pixels; ``classes`` in whatever order."""

    output_names = ("scores",)

    def __init__(self, classes: tuple[str, ...]) -> None:
        super().__init__(NetworkConfig(name="darknet19", classes=classes), (32,))

    def forward(self, images: Tensor) -> list[Tensor]:
        middle = images[:, :, images.shape[2] // 2, images.shape[3] // 2]
        of = {"red": middle[:, 0], "blue": middle[:, 2]}
        return [torch.stack([of.get(c, torch.zeros(len(images))) for c in self.config.classes], 1)]

    def decode(self, heads: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(heads)


@pytest.mark.parametrize("classes", [("red", "blue"), ("green", "blue", "red")])
@pytest.mark.parametrize("size", [Size(32, 32), Size(64, 96)])
def test_classes_are_found_by_name_at_every_size(
    crops: ClassifiedSet, classes: tuple[str, ...], size: Size
) -> None:
    assert evaluate_network(Sorter(classes), crops, size, batch_size=5)["top1"] == 1


def test_classes_that_the_network_lacks_are_refused(crops: ClassifiedSet) -> None:
    with pytest.raises(InputError, match="blue"):
        evaluate_network(Sorter(("red", "green")), crops, Size(32, 32))
    with pytest.raises(InputError, match="no images"):
        evaluate_network(Sorter(CLASSES), replace(crops, images=()), Size(32, 32))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_narrow_darknet19_learns_the_digits() -> None:
    """Chance is a tenth."""
    data = open_classified("digits", "train")
    config = NetworkConfig(name="darknet19", classes=data.classes, width=0.25)
    settings = TrainingSettings(steps=300, batch_size=16, sizes=Sizes.parse("32:64:32"))
    scores = evaluate_network(
        train(config, data, settings), open_classified("digits", "val"), Size(64, 64)
    )
    assert scores["top1"] > 0.6
    assert scores["top5"] > 0.9
