"""One picture is learnt by heart: by every detector of the zoo, with each of its losses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netzoo.training.evaluate import evaluate_network
from netzoo.training.settings import TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import NetworkEntry, networks
from sizewise.core.specs import Size
from tests.netzoo.factories import CLASSES, squares
from tests.netzoo.training.notes import Notes

DETECTORS = {name: e for name, e in networks().items() if e.task == "detection"}
QUICK = {"yolov3-tiny"}
"""The one that learns its picture by heart in every run of the tests."""
SLOW = {"yolov4-p6", "yolov4-p7"}
"""yolov4-p5 stands for them in the fast tests: they have a level more, and two."""
BOTH = {"yolov3-tiny", "yolov4-csp"}
"""With each of their losses in the fast tests; the others with one, and by turns."""
OF_CHOICE = {name: [one for one in e.losses if one != "joint"] for name, e in DETECTORS.items()}
CASES = [
    pytest.param(name, loss, marks=() if quick and name not in SLOW else pytest.mark.slow)
    for number, (name, losses) in enumerate(OF_CHOICE.items())
    for place, loss in enumerate(losses)
    for quick in [name in BOTH or place == number % len(losses)]
]


LARGE = {"yolov4-p5", "yolov4-p6", "yolov4-p7"}
"""With more levels, on larger pictures: narrower than the others, they learn one just as well."""


def narrow(name: str) -> NetworkConfig:
    width = 0.1 if name in LARGE else 0.25
    return NetworkConfig(name=name, classes=CLASSES, width=width, depth=0.1)


def settings(entry: NetworkEntry, loss: str, steps: int) -> TrainingSettings:
    side = max(96, entry.smallest)
    return TrainingSettings(
        steps=steps,
        batch_size=1,
        sizes=(Size(side, side),),
        loss=loss,
        learning_rate=0.01,
        warmup_steps=3,
        ema_decay=0.9,
        threads=1,
    )


@pytest.mark.parametrize(("name", "loss"), CASES)
def test_thirty_steps_on_one_picture_halve_the_loss(name: str, loss: str, tmp_path: Path) -> None:
    notes = Notes()
    picture = squares(tmp_path / "one", 1)
    train(narrow(name), picture, settings(DETECTORS[name], loss, 30), notes)
    assert sum(notes.losses[-3:]) / 3 < notes.losses[0] / 2


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in DETECTORS]
)
def test_three_hundred_steps_learn_one_picture_by_heart(name: str, tmp_path: Path) -> None:
    entry, picture = DETECTORS[name], squares(tmp_path / "one", 1)
    chosen = settings(entry, entry.losses[0], 300)
    network = train(narrow(name), picture, replace(chosen, ema_decay=0.98))
    assert evaluate_network(network, picture, chosen.sizes[0])["ap50"] > 0.95
