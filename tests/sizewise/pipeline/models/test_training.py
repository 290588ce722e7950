"""How many workers a training has where nobody says."""

from __future__ import annotations

from typing import Any

import pytest

from netzoo.training.settings import TrainingSettings
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import fill
from sizewise.pipeline.models.training import Training, TrainOptions

LONG = {"steps": 10_000, "batch_size": 8, "threads": 1}


def _workers(settings: dict[str, Any], **options: object) -> int:
    training = Training(network="yolov3-tiny", options=fill(TrainOptions, options))
    return training.workers(TrainingSettings(**settings))


@pytest.mark.parametrize(
    ("cores", "neighbours", "device", "expected"),
    [
        (1, 1, "cpu", 0),
        (2, 1, "cpu", 1),
        (16, 1, "cpu", 4),
        (64, 1, "cpu", 8),
        (64, 8, "cpu", 2),
        (1, 1, "cuda", 0),
        (6, 1, "cuda", 6),
        (64, 4, "cuda", 8),
        (8, 8, "cuda", 0),
    ],
)
def test_they_follow_from_the_cores(
    monkeypatch: pytest.MonkeyPatch, *, cores: int, neighbours: int, device: str, expected: int
) -> None:
    module = "sizewise.pipeline.models.training"
    monkeypatch.setattr(f"{module}.usable_cores", lambda: cores)
    monkeypatch.setattr(f"{module}.neighbours_told", lambda: neighbours)
    assert _workers(LONG | {"device": device}) == expected
    assert _workers(LONG | {"device": device}, workers=3) == 3


def test_a_short_training_has_none_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sizewise.pipeline.models.training.usable_cores", lambda: 8)
    assert _workers(LONG | {"steps": 10}) == 0
    assert _workers(LONG | {"steps": 10}, workers=2) == 2


def test_thousands_are_refused() -> None:
    with pytest.raises(UsageError, match="SIZEWISE_MAX_WORKERS"):
        fill(TrainOptions, {"workers": 10_000})


def _training(**options: object) -> Training:
    return Training(network="yolov3-tiny", options=fill(TrainOptions, options))


@pytest.mark.parametrize("steps", [700, 5])
def test_steps_and_epochs_are_one_of_both(steps: int) -> None:
    with pytest.raises(UsageError, match="steps and epochs can't be given together"):
        _training(steps=steps, epochs=2).check()
    assert _training(steps=steps).settings_for(80).steps == steps
    assert _training(epochs=2).settings_for(80).steps == 20
    assert _training().settings_for(80).steps == 700


@pytest.mark.parametrize(
    "idle", [{"flip": 0}, {"scale": 0, "hue": 0}, {"augment": "none", "mosaic": 0}]
)
def test_changes_of_no_strength_are_none(idle: dict[str, object]) -> None:
    """They would be another training by name, and the same by its images."""
    assert _training(**idle).settings == _training().settings
    with pytest.raises(UsageError, match=r"least_area 0\.5 has no effect"):
        _ = _training(**idle, least_area=0.5).settings
    light = _training(augment="light", flip=0).settings.augmentation
    assert light is not None
    assert light.flip == 0
