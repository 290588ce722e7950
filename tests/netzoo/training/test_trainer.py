from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netzoo.data.coco.dataset import Dataset
from netzoo.training.optimizer import learning_rate_share, make_optimizer
from netzoo.training.settings import TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector
from sizewise.core.errors import InputError, TrainingError, UsageError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import narrow_config, squares, unevenly
from tests.netzoo.training.notes import Notes
from tests.netzoo.training.starts import in_float64_with_norms_at_rest

QUICK = TrainingSettings(
    steps=4, batch_size=2, sizes=Sizes.parse("64,96"), warmup_steps=2, threads=1
)


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path / "squares", 6)


def test_thirty_steps_on_one_image_halve_the_loss(data: Dataset) -> None:
    notes = Notes()
    settings = replace(
        QUICK, steps=30, batch_size=1, sizes=Sizes.parse("96x128"), learning_rate=0.01
    )
    train(narrow_config(), replace(data, images=data.images[:1]), settings, notes)
    assert sum(notes.losses[-3:]) / 3 < notes.losses[0] / 2


def test_progress_tells_loss_and_size(data: Dataset) -> None:
    notes = Notes()
    train(narrow_config(), data, QUICK, notes)
    assert notes.stages == [("train yolov3", 4)]
    assert len(notes.notes) == 4
    assert {note.split(" at ")[1].split(",")[0] for note in notes.notes} <= {"64x64", "96x96"}


def test_a_seed_gives_the_same_weights_and_leaves_torch_as_it_was(data: Dataset) -> None:
    before = torch.random.get_rng_state(), torch.get_num_threads()
    first, again = (train(narrow_config(), data, QUICK) for _ in range(2))
    other = train(narrow_config(), data, replace(QUICK, seed=1))
    for ours, theirs in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert any(
        not torch.equal(ours, theirs)
        for ours, theirs in zip(first.parameters(), other.parameters(), strict=True)
    )
    assert not first.training
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]
    assert not torch.are_deterministic_algorithms_enabled()


def test_anchors_come_from_the_data_and_the_decode_from_the_loss(data: Dataset) -> None:
    config = replace(narrow_config("yolov3"), anchors=())
    network = train(config, data, replace(QUICK, steps=1))
    assert isinstance(network, AnchorDetector)
    assert network.config.decoding == "scaled"
    assert len(network.config.anchors) == 9
    assert max(max(anchor) for anchor in network.config.anchors) <= 96


def test_given_anchors_are_kept(data: Dataset) -> None:
    network = train(narrow_config(), data, replace(QUICK, steps=1))
    assert network.config.anchors == narrow_config().anchors


def test_a_loss_that_is_no_number_ends_the_training(data: Dataset) -> None:
    broken = [replace(image, boxes=image.boxes * float("nan")) for image in data.images]
    settings = replace(QUICK, steps=50, learning_rate=1e30, gradient_norm=1e30, warmup_steps=0)
    with pytest.raises(TrainingError, match="step") as caught:
        train(narrow_config(), data, settings)
    assert caught.value.reason_code == "numerics"
    with pytest.raises(InputError):
        train(replace(narrow_config(), anchors=()), replace(data, images=tuple(broken)), QUICK)


def test_sizes_off_the_stride_are_refused(data: Dataset) -> None:
    with pytest.raises(UsageError, match="multiples of its stride, 32"):
        train(narrow_config(), data, replace(QUICK, sizes=Sizes.parse("64,100")))


def test_data_of_other_classes_or_without_images_are_refused(data: Dataset) -> None:
    config = NetworkConfig(name="yolov3", classes=("cat", "dog"))
    with pytest.raises(InputError, match="cat, dog"):
        train(config, data, QUICK)
    with pytest.raises(InputError, match="no images"):
        train(narrow_config(), replace(data, images=()), QUICK)


def test_an_unknown_network_is_refused_with_a_list(data: Dataset) -> None:
    with pytest.raises(UsageError, match=r"no network named 'nothing'.*yolov3"):
        train(narrow_config(name="nothing"), data, QUICK)


@pytest.mark.parametrize("loss", ["nothing", "cross_entropy"])
def test_a_loss_of_another_kind_is_refused_with_a_list(data: Dataset, loss: str) -> None:
    with pytest.raises(UsageError, match=rf"{loss}.*dense or paper"):
        train(narrow_config(), data, replace(QUICK, loss=loss))


def test_bf16_trains_where_the_cpu_has_it(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netzoo.training.loop.devices.has_native_bf16", lambda: True)
    half = train(narrow_config(), data, QUICK)
    monkeypatch.setattr("netzoo.training.loop.devices.has_native_bf16", lambda: False)
    single = train(narrow_config(), data, QUICK)
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in half.parameters())
    assert any(
        not torch.equal(ours, theirs)
        for ours, theirs in zip(half.parameters(), single.parameters(), strict=True)
    )


@given(st.integers(0, 20), st.integers(1, 200))
def test_the_learning_rate_climbs_and_then_falls(warmup_steps: int, steps: int) -> None:
    settings = replace(QUICK, steps=steps, warmup_steps=warmup_steps)
    rates = [learning_rate_share(step, settings) for step in range(steps)]
    top = min(max(0, warmup_steps - 1), steps - 1)
    assert all(0 < rate <= 1 for rate in rates)
    assert all(a < b for a, b in pairwise(rates[: top + 1]))
    assert all(a >= b for a, b in pairwise(rates[top:]))
    assert steps < warmup_steps or rates[top] == 1
    assert steps < warmup_steps + 100 or rates[-1] < 0.02


@pytest.mark.parametrize(
    ("name", "loss"), [("yolov3", "dense"), ("yolov3", "paper"), ("yolov4-csp", "paper")]
)
def test_batches_that_a_step_adds_up_give_the_gradient_of_them_together(
    data: Dataset, name: str, loss: str
) -> None:
    """Boxes weigh the same, however many are in their batch. BatchNorm, which would see the batches
    apart, is at rest."""
    settings = replace(
        QUICK,
        steps=2,
        sizes=Sizes.parse("64"),
        loss=loss,
        optimizer="sgd",
        learning_rate=0.01,
        ema_decay=0.0,
        arithmetic="fp32",
    )
    together, apart = (
        train(
            narrow_config(name=name),
            unevenly(data),
            replace(settings, batch_size=batch, accumulate=count),
            start=in_float64_with_norms_at_rest,
        )
        for batch, count in ((6, 1), (2, 3))
    )
    for ours, theirs in zip(together.parameters(), apart.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


def test_sgd_with_momentum_is_torchs() -> None:
    settings = replace(QUICK, optimizer="sgd", momentum=0.5, weight_decay=0.0005)
    optimizer, _ = make_optimizer(torch.nn.Conv2d(1, 1, 3), settings)
    assert isinstance(optimizer, torch.optim.SGD)
    kernels, others = optimizer.param_groups
    assert (kernels["momentum"], kernels["nesterov"]) == (0.5, True)
    assert (kernels["weight_decay"], others["weight_decay"]) == (0.0005, 0.0)
