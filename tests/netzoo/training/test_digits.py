"""The whole training of the example, on its real data."""

from __future__ import annotations

import pytest

from netzoo.data.sources import open_dataset
from netzoo.training.evaluate import evaluate_network
from netzoo.training.settings import TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.config import NetworkConfig
from sizewise.core.specs import Size


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [0, 1])
def test_six_hundred_steps_detect_digits(seed: int) -> None:
    data = open_dataset("digits", "train")
    config = NetworkConfig(name="yolov3", classes=data.classes, width=0.25, depth=0.34)
    network = train(config, data, TrainingSettings(steps=600, batch_size=4, seed=seed))
    scores = evaluate_network(network, open_dataset("digits", "val"), Size(320, 320))
    assert scores["ap50"] >= 0.65
