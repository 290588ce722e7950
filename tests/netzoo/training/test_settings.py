from __future__ import annotations

from typing import Any

import pytest

from netzoo.training.augmenting.settings import Augmentation
from netzoo.training.settings import LossTerms, TrainingSettings
from sizewise.core import codec
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"batch_size": 0},
        {"threads": 0},
        {"warmup_steps": -1},
        {"sizes": ()},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"weight_decay": -0.1},
        {"gradient_norm": float("inf")},
        {"ema_decay": 1.0},
        {"ema_decay": -0.1},
        {"seed": -1},
        {"processes": 0},
        {"device": "tpu"},
        {"arithmetic": "int8"},
    ],
)
def test_what_can_not_train_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        TrainingSettings(**wrong)


def test_settings_survive_json() -> None:
    settings = TrainingSettings(
        sizes=(Size(96, 160), Size(64, 64)),
        seed=5,
        threads=1,
        terms=LossTerms(focal_gamma=2.0),
        augmentation=Augmentation(flip=0.5),
    )
    assert codec.from_json(codec.to_json(settings), TrainingSettings) == settings
