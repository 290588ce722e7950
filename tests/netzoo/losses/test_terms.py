"""Label smoothing and the focal loss, against their papers' formulas."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from netzoo.decoding.classes import Exclusive, Independent
from netzoo.losses._divergence import divergence
from netzoo.losses._registry import find_loss
from netzoo.training.settings import LossTerms, TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.network import find_network
from sizewise.core.errors import UsageError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import narrow_config, squares

FOCAL = LossTerms(focal_gamma=2.0)
SMOOTH = LossTerms(label_smoothing=0.1)
SEEDS = st.integers(0, 1000)


def _drawn(seed: int) -> tuple[Tensor, Tensor, NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    raw, labels = rng.normal(0, 3, (7, 5)), rng.integers(5, size=7)
    return torch.from_numpy(raw), torch.from_numpy(labels), raw, labels


def _one_hot(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.eye(5)[labels]
    return found


@given(SEEDS)
def test_the_focal_loss_is_that_of_its_paper(seed: int) -> None:
    """Lin et al. 2017, eq. 5: −α_t (1 − p_t)^γ log p_t."""
    raw, labels, numbers, places = _drawn(seed)
    there = _one_hot(places) == 1
    probable = 1 / (1 + np.exp(-numbers))
    agreement = np.where(there, probable, 1 - probable)
    balance = np.where(there, 0.25, 0.75)
    expected = -balance * (1 - agreement) ** 2 * np.log(agreement)
    np.testing.assert_allclose(Independent().loss(raw, labels, FOCAL), expected, atol=1e-7)
    wanted = torch.from_numpy(_one_hot(places))
    np.testing.assert_allclose(divergence(raw, wanted, FOCAL), expected, atol=1e-7)


@given(SEEDS)
def test_smoothed_classes_are_those_of_the_paper(seed: int) -> None:
    """Szegedy et al. 2016, §7: q = (1 − ε) δ + ε / C."""
    raw, labels, numbers, places = _drawn(seed)
    logs = numbers - np.log(np.exp(numbers).sum(1, keepdims=True))
    wanted = 0.9 * _one_hot(places) + 0.1 / 5
    found = Exclusive().loss(raw, labels, SMOOTH)
    np.testing.assert_allclose(found, -(wanted * logs).sum(1), rtol=1e-9)

    of_two = 0.9 * _one_hot(places) + 0.1 / 2
    probable = 1 / (1 + np.exp(-numbers))
    expected = -of_two * np.log(probable) - (1 - of_two) * np.log(1 - probable)
    np.testing.assert_allclose(Independent().loss(raw, labels, SMOOTH), expected, rtol=1e-6)


@given(SEEDS, st.sampled_from([0.5, 1.0, 2.0]))
def test_gradients_stay_finite_where_all_is_known(seed: int, gamma: float) -> None:
    raw, labels, _, _ = _drawn(seed)
    raw = (raw.float() * 1000).requires_grad_()
    terms = LossTerms(focal_gamma=gamma)
    for rule in (Independent(), Exclusive()):
        total = rule.loss(raw, labels, terms).sum()
        (gradient,) = torch.autograd.grad(total, raw)
        assert gradient.isfinite().all()


@pytest.mark.parametrize(
    ("name", "loss"),
    [("yolov3", "dense"), ("yolov3", "paper"), ("yolov4-tiny", "paper"), ("yolov4-csp", "paper")],
)
@pytest.mark.parametrize("terms", [FOCAL, SMOOTH])
def test_terms_change_a_training(tmp_path: Path, name: str, loss: str, terms: LossTerms) -> None:
    data = squares(tmp_path / "squares", 2)
    settings = TrainingSettings(
        steps=1, sizes=Sizes.parse("64"), batch_size=2, loss=loss, threads=1
    )
    config = replace(narrow_config(name=name), anchors=())
    plain, changed = (train(config, data, replace(settings, terms=t)) for t in (None, terms))
    assert any(
        not torch.equal(a, b) for a, b in zip(plain.parameters(), changed.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "loss", "todo"),
    [
        ("yolov2", "paper", "--loss dense|loss dense"),
        ("yolo9000", "dense", "Leave them out"),
        ("yolo9000", "joint", "Leave them out"),
        ("multiscale", "masks", "Leave them out"),
    ],
)
def test_a_loss_without_cross_entropies_takes_none(name: str, loss: str, todo: str) -> None:
    settings = TrainingSettings(loss=loss, terms=FOCAL)
    with pytest.raises(UsageError, match=todo):
        find_loss(loss).wanted(find_network(name), settings)


@pytest.mark.parametrize(
    "wrong", [{"label_smoothing": 1.0}, {"focal_gamma": -1.0}, {"focal_alpha": 0.0}]
)
def test_terms_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        LossTerms(**wrong)
