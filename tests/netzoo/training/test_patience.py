"""When a training ends early, and which weights were its best."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from netzoo.data.coco.dataset import Dataset
from netzoo.training.history import History
from netzoo.training.settings import TrainingSettings
from netzoo.training.state import Kept
from netzoo.training.trainer import train
from netzoo.training.validation import Validation, ranking_of
from netzoo.zoo.network import Network
from sizewise.core.specs import Size, Sizes
from tests.netzoo.factories import narrow_config, squares

QUICK = TrainingSettings(
    steps=6, batch_size=2, sizes=Sizes.parse("64"), arithmetic="fp32", warmup_steps=2, threads=1
)
FALLING = (0.1, 0.3, 0.2, 0.3, 0.9)
"""Of five validations; with a patience of 2, there is no fifth."""

Weights = list[Mapping[str, torch.Tensor]]


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path / "squares", 2)


def _scored(scores: tuple[float, ...], monkeypatch: pytest.MonkeyPatch) -> Weights:
    """Validations find these scores, one after another; the weights that they saw."""
    left = iter(scores)
    seen: Weights = []

    def evaluate(network: Network, *_: object, **__: object) -> dict[str, float]:
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        return {ranking_of(network): next(left)}

    monkeypatch.setattr("netzoo.training.validation.evaluate_network", evaluate)
    return seen


def _validation(data: Dataset, patience: int, **others: Any) -> Validation:
    return Validation(data=data, size=Size(64, 64), every=1, patience=patience, **others)


@pytest.mark.parametrize(
    ("scores", "patience", "ended", "best"),
    [
        (FALLING, 2, 4, 2),  # an equal score is no better one
        ((0.5, 0.1, 0.6, 0.2, 0.1, 0.9), 2, 5, 3),
        ((0.1, 0.2, 0.3, 0.4, 0.5, 0.6), 1, 6, 6),
        ((0.5, 0.1, 0.1, 0.1, 0.1, 0.1), 0, 6, 1),
    ],
)
def test_a_training_ends_when_patience_is_lost(
    data: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    *,
    scores: tuple[float, ...],
    patience: int,
    ended: int,
    best: int,
) -> None:
    seen, history = _scored(scores, monkeypatch), History()
    validation = _validation(data, patience)
    network = train(narrow_config(), data, QUICK, history=history, validation=validation)
    assert [row.step for row in history.rows] == list(range(1, ended + 1))
    assert list(validation.scores) == list(range(1, ended + 1))
    assert validation.best_step(network) == best
    assert validation.has_better(network) == (scores[best - 1] > scores[ended - 1])
    for name, value in validation.best(network).state_dict().items():
        assert torch.equal(value, seen[best - 1][name])


def test_patience_that_is_lost_stays_so_after_an_interruption(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(scores: Mapping[int, object]) -> None:
        if len(scores) == 4:
            raise KeyboardInterrupt

    seen = _scored(FALLING, monkeypatch)
    kept = Kept(tmp_path / "state.safetensors", "a", every_s=3600)
    with pytest.raises(KeyboardInterrupt):
        train(
            narrow_config(),
            data,
            QUICK,
            kept=kept,
            validation=_validation(data, 2, watch=interrupt),
        )
    history, validation = History(), _validation(data, 2)
    train(narrow_config(), data, QUICK, kept=kept, history=history, validation=validation)
    assert [row.step for row in history.rows] == [1, 2, 3, 4]
    assert len(seen) == 4
    assert all(torch.equal(value, seen[1][n]) for n, value in validation.best_weights.items())
