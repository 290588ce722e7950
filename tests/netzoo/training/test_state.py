"""A training that is interrupted and goes on is one that was not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from netzoo.data.coco.dataset import Dataset
from netzoo.training.average import RunningMean
from netzoo.training.history import History
from netzoo.training.settings import TrainingSettings
from netzoo.training.state import HEADER_KEY, Kept, Training
from netzoo.training.trainer import train
from netzoo.zoo.network import Network
from sizewise.core.errors import InputError, OutputError
from sizewise.core.specs import Sizes
from tests.netzoo.factories import narrow_config, squares
from tests.netzoo.training.metrics import learned

QUICK = TrainingSettings(
    steps=7, batch_size=2, sizes=Sizes.parse("64,96"), warmup_steps=2, threads=1, size_every=2
)


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return squares(tmp_path / "squares", 5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "yolov3.training.safetensors"


class _PulledError(Exception):
    """The plug is pulled."""


def _ended_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the next training in the middle of a step, after the optimizer."""
    real, numbers = RunningMean.update, count(1)

    def update(self: RunningMean, network: Network) -> None:
        if next(numbers) == step:
            raise _PulledError
        real(self, network)

    monkeypatch.setattr(RunningMean, "update", update)


def _states(network: Network) -> list[torch.Tensor]:
    return list(network.state_dict().values())


@pytest.mark.parametrize("ended", [1, 2, 4, 7])
def test_it_goes_on_to_the_same_bits(
    data: Dataset, path: Path, ended: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, told = History(), History()
    network = train(narrow_config(), data, QUICK, history=whole)

    with monkeypatch.context() as patch:
        _ended_at(ended, patch)
        with pytest.raises(_PulledError):
            train(narrow_config(), data, QUICK, kept=Kept(path, "a", every_s=0))
    kept = Kept(path, "a", every_s=0)
    assert kept.step() == ended - 1
    again = train(narrow_config(), data, QUICK, kept=kept, history=told)

    for ours, theirs in zip(_states(network), _states(again), strict=True):
        assert torch.equal(ours, theirs)
    csv = [path.with_name(name) for name in ("whole.csv", "told.csv")]
    for one, history in zip(csv, (whole, told), strict=True):
        history.save(one)
    assert learned(csv[0]) == learned(csv[1])


def test_the_state_of_another_training_is_not_taken(data: Dataset, path: Path) -> None:
    train(narrow_config(), data, replace(QUICK, steps=3), kept=Kept(path, "a", every_s=0))
    assert Kept(path, "a").step() == 2
    assert Kept(path, "b").step() == 0
    other = train(narrow_config(), data, QUICK, kept=Kept(path, "b"))
    anew = train(narrow_config(), data, QUICK)
    assert all(map(torch.equal, _states(other), _states(anew)))


def test_states_are_seldom_written(data: Dataset, path: Path) -> None:
    train(narrow_config(), data, QUICK, kept=Kept(path, "a", every_s=3600))
    assert not path.exists()


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda _: b"", lambda _: b"x" * 99])
def test_what_is_no_state_is_none(
    data: Dataset, path: Path, damage: Callable[[bytes], bytes]
) -> None:
    train(narrow_config(), data, replace(QUICK, steps=2), kept=Kept(path, "a", every_s=0))
    path.write_bytes(damage(path.read_bytes()))
    assert Kept(path, "a").step() == 0


def test_a_state_that_lacks_something_is_told(data: Dataset, path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    train(narrow_config(), data, replace(QUICK, steps=2), kept=Kept(path, "a", every_s=0))
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    assert header.keys() == {HEADER_KEY}
    tensors = {name: value for name, value in load_file(path).items() if "mean" not in name}
    save_file(tensors, path, metadata=header)
    with pytest.raises(InputError, match="Remove the file"):
        train(narrow_config(), data, QUICK, kept=Kept(path, "a"))


def test_a_full_disk_keeps_the_state_before(
    data: Dataset, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, numbers = Kept.save, count(1)

    def save(self: Kept, training: Training) -> None:
        if next(numbers) == 3:
            monkeypatch.setattr(Path, "write_bytes", _full)
        real(self, training)

    monkeypatch.setattr(Kept, "save", save)
    with pytest.raises(OutputError, match="space"):
        train(narrow_config(), data, QUICK, kept=Kept(path, "a", every_s=0))
    assert Kept(path, "a").step() == 2


def _full(_path: Path, _content: bytes) -> int:
    raise OSError(28, "No space left on device")
