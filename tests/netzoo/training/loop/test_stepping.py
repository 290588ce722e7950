"""A step that memory does not hold at once, and one that is interrupted."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from netzoo.data.coco.dataset import Dataset
from netzoo.training.settings import TrainingSettings
from netzoo.training.state import Kept
from netzoo.training.trainer import train
from netzoo.zoo.network import Network
from sizewise.core.errors import TrainingError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import narrow_config, squares, unevenly
from tests.netzoo.training.notes import Notes
from tests.netzoo.training.starts import in_float64_with_norms_at_rest

QUICK = TrainingSettings(
    steps=3,
    batch_size=6,
    sizes=Sizes.parse("64,96"),
    optimizer="sgd",
    arithmetic="fp32",
    warmup_steps=2,
    threads=1,
)
FULL = (
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
)


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """One crowded image, and others with one box."""
    return unevenly(squares(tmp_path / "squares", 6))


def _holding(most: int, error: Exception) -> Callable[[Network], None]:
    """Memory for so many images at once."""

    def demand(_network: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        if len(inputs[0]) > most:
            raise error

    def start(network: Network) -> None:
        in_float64_with_norms_at_rest(network)
        network.register_forward_pre_hook(demand)

    return start


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_batches_are_divided_where_memory_runs_out(data: Dataset, error: Exception) -> None:
    notes = Notes()
    divided = train(narrow_config(), data, QUICK, notes, start=_holding(2, error))
    whole = train(narrow_config(), data, QUICK, start=in_float64_with_norms_at_rest)
    for ours, theirs in zip(divided.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)
    assert [remark.partition(": ")[2] for remark in notes.remarks] == [
        f"from step 1 on, each batch is computed in {pieces} pieces, whose gradients are added up."
        for pieces in (2, 4)
    ]


def test_where_memory_holds_no_image_the_training_says_what_to_change(data: Dataset) -> None:
    with pytest.raises(TrainingError, match=r"does not hold 1 images.*checkpointing") as caught:
        train(narrow_config(), data, QUICK, start=_holding(0, MemoryError()))
    assert caught.value.reason_code == "oom_host"


def test_another_error_is_not_taken_for_a_lack_of_memory(data: Dataset) -> None:
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="mat1"):
        train(narrow_config(), data, QUICK, start=_holding(2, error))


def test_a_divided_training_goes_on_divided(data: Dataset, tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state.safetensors", "a", every_s=0)
    train(narrow_config(), data, QUICK, start=_holding(3, MemoryError()), kept=kept)
    notes = Notes()
    train(narrow_config(), data, QUICK, notes, start=_holding(3, MemoryError()), kept=kept)
    assert notes.remarks == []


@pytest.mark.parametrize("step", [1, 2, 3])
def test_an_interrupted_step_is_as_if_it_had_not_begun(
    data: Dataset, tmp_path: Path, step: int
) -> None:
    """Its BatchNorm has seen the images already."""
    settings = replace(QUICK, optimizer="adamw", batch_size=2)
    whole = train(narrow_config(), data, settings)
    kept = Kept(tmp_path / "state.safetensors", "a", every_s=3600)
    with pytest.raises(KeyboardInterrupt):
        train(narrow_config(), data, settings, start=_interrupted_at(step), kept=kept)
    assert kept.step() == step - 1
    again = train(narrow_config(), data, settings, kept=kept)
    for ours, theirs in zip(again.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def _interrupted_at(step: int) -> Callable[[Network], None]:
    numbers = count(1)

    def interrupt(*_: object) -> None:
        if next(numbers) == step:
            raise KeyboardInterrupt

    def start(network: Network) -> None:
        network.register_forward_hook(interrupt)

    return start


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [1, 2])
def test_a_signal_amid_a_change_of_the_weights_waits_until_that_is_whole(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, step: int
) -> None:
    """So the step is kept, though the last state was written long ago, or never."""
    real, numbers = torch.optim.lr_scheduler.LambdaLR.step, count()

    def interrupted(self: torch.optim.lr_scheduler.LambdaLR) -> None:
        if next(numbers) == step:  # the first is that of its making
            signal.raise_signal(number)
        real(self)

    whole = train(narrow_config(), data, QUICK)
    kept = Kept(tmp_path / "state.safetensors", "a", every_s=3600)
    with monkeypatch.context() as patch, _interrupting(number):
        patch.setattr(torch.optim.lr_scheduler.LambdaLR, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(narrow_config(), data, QUICK, kept=kept)
    assert kept.step() == step
    again = train(narrow_config(), data, QUICK, kept=kept)
    for ours, theirs in zip(again.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


@contextmanager
def _interrupting(number: int) -> Iterator[None]:
    """A signal interrupts, as in a command; its handler is there again at the end."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, interrupt)
    try:
        yield
        assert signal.getsignal(number) is interrupt
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("reason", ["numerics", "oom_host"])
def test_the_steps_before_one_that_fails_are_kept(
    data: Dataset, tmp_path: Path, reason: str
) -> None:
    """Though no state was due: each may have cost minutes."""
    kept = Kept(tmp_path / "state.safetensors", "a", every_s=3600)
    with pytest.raises(TrainingError, match="has the state after step 2") as caught:
        train(narrow_config(), data, QUICK, start=_failing_at(3, reason), kept=kept)
    assert caught.value.reason_code == reason
    assert kept.step() == 2
    numbers = load_file(kept.path)
    assert all(one.isfinite().all() for name, one in numbers.items() if "network" in name)
    whole, again = (
        train(narrow_config(), data, QUICK),
        train(narrow_config(), data, QUICK, kept=kept),
    )
    for ours, theirs in zip(again.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def _failing_at(step: int, reason: str) -> Callable[[Network], None]:
    numbers = count(1)

    def fail(_network: torch.nn.Module, _inputs: object, heads: list[torch.Tensor]) -> Any:
        if next(numbers) < step:
            return None
        if reason == "oom_host":
            raise MemoryError
        return [head * float("nan") for head in heads]

    def start(network: Network) -> None:
        network.register_forward_hook(fail)

    return start


def test_numbers_that_are_not_finite_are_never_kept(data: Dataset, tmp_path: Path) -> None:
    """BatchNorm's statistics may be lost before the loss is."""
    kept = Kept(tmp_path / "state.safetensors", "a", every_s=3600)

    def start(network: Network) -> None:
        _failing_at(2, "numerics")(network)
        next(buffer for name, buffer in network.named_buffers() if "var" in name).fill_(torch.inf)

    with pytest.raises(TrainingError):
        train(narrow_config(), data, QUICK, start=start, kept=kept)
    assert not kept.path.exists()
