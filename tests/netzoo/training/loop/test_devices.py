"""Devices and arithmetic; what needs a GPU is tested by what stands in for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler

from netzoo.training.loop.devices import Updates, autocast_to, device_of
from netzoo.training.settings import TrainingSettings
from netzoo.training.state import Kept
from netzoo.training.trainer import train
from sizewise.core.errors import TrainingError, UsageError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import narrow_config, squares

QUICK = TrainingSettings(
    steps=4, batch_size=2, sizes=Sizes.parse("64"), warmup_steps=2, threads=1, arithmetic="fp16"
)


def test_a_gpu_that_is_not_there_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"can't run on a GPU.*sizewise doctor"):
        device_of(replace(QUICK, device="cuda"))


@pytest.mark.parametrize(("has_bf16", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_computes_in_the_type_that_it_multiplies_in(
    monkeypatch: pytest.MonkeyPatch, has_bf16: bool, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has_bf16)
    assert autocast_to(replace(QUICK, device="cuda", arithmetic="auto")) == dtype


def _updates(scale: float) -> tuple[nn.Linear, Updates]:
    torch.manual_seed(0)
    layer = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    scaler = GradScaler("cpu", init_scale=scale)
    parameters = list(layer.parameters())
    return layer, Updates(optimizer=optimizer, parameters=parameters, scaler=scaler, most_norm=1e9)


def test_a_scaled_step_is_that_of_the_gradient_itself() -> None:
    layer, updates = _updates(2.0**16)
    before = layer.weight.detach().clone()
    updates.backward(layer(torch.tensor([[1.0, 2.0]])).sum())
    assert updates.norm().item() == pytest.approx(6**0.5)  # 1, 2, and 1 of the bias
    assert updates.step()
    torch.testing.assert_close(before - layer.weight, torch.tensor([[0.1, 0.2]]))


def test_a_step_whose_gradient_overflows_is_left_out_and_the_scale_halves() -> None:
    layer, updates = _updates(2.0**16)
    before = layer.weight.detach().clone()
    updates.backward(layer(torch.tensor([[1e38, 1.0]])).sum())
    updates.norm()
    assert not updates.step()
    assert torch.equal(layer.weight, before)
    assert updates.scaler.get_scale() == 2.0**15


def test_gradients_that_always_overflow_end_the_training() -> None:
    layer, updates = _updates(1.0)
    updates.backward(layer(torch.tensor([[float("inf"), 1.0]])).sum())
    updates.norm()
    with pytest.raises(TrainingError, match="bf16 or fp32") as caught:
        updates.step()
    assert caught.value.reason_code == "numerics"


def test_a_training_in_fp16_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    data = squares(tmp_path / "squares", 3)
    whole = train(narrow_config(), data, QUICK)
    kept = Kept(tmp_path / "state.safetensors", "a", every_s=0)
    train(narrow_config(), data, QUICK, kept=kept)
    assert kept.step() == QUICK.steps - 1
    again = train(narrow_config(), data, QUICK, kept=kept)
    for ours, theirs in zip(again.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)
