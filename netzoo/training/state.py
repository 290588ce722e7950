"""The state of a training that is not done: all that it takes to go on as if nothing had happened.

It is a safetensors file, so that nothing is ever unpickled. Written whole every so many seconds, it
outlives an interruption, a kill and a power cut.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from netzoo.data.faults import Fault
from netzoo.training.average import RunningMean
from netzoo.training.history import History
from netzoo.training.loading.unreadable import Unreadable
from netzoo.training.loop.pieces import Division
from netzoo.training.validation import Validation
from netzoo.zoo.network import Network
from sizewise.core.errors import InputError
from sizewise.core.files import open_file, written_whole
from sizewise.core.holding.drafts import clear_drafts_of

HEADER_KEY = "sizewise training"
EVERY_S = 60.0
"""Seconds of work that an interruption may cost."""
_RNG, _FUNCTIONS = "rng", "lr_lambdas"
_NETWORK, _MEAN, _HISTORY = "network.", "mean.", "history."
_OPTIMIZER, _VALIDATION = "optimizer.", "validation."
_DAMAGE = (OSError, SafetensorError, msgspec.DecodeError, msgspec.ValidationError)
_MAY_BE_EMPTY = (_OPTIMIZER, _VALIDATION)


@dataclass(frozen=True, kw_only=True)
class _Header:
    """``identity`` is what was asked for, as JSON. ``groups`` are those of the optimizer,
    ``scaler`` is that of fp16, and each batch is computed in so many ``pieces``. Images that were
    ``unreadable`` were skipped, and the validation ``left_out`` what it could not read."""

    identity: str
    step: int
    groups: list[dict[str, Any]]
    schedule: dict[str, Any]
    scaler: dict[str, Any] = field(default_factory=dict)
    pieces: int = 1
    unreadable: list[Unreadable] = field(default_factory=list)
    left_out: list[Fault] = field(default_factory=list)


@dataclass(kw_only=True)
class Training:
    """What changes from step to step. ``step`` is the last one that was taken; it ``is_whole``
    unless an error left a step half done. ``unreadable`` are images that were skipped so far."""

    network: Network
    mean: RunningMean
    optimizer: Optimizer
    schedule: LRScheduler
    history: History
    scaler: GradScaler
    validation: Validation | None = None
    division: Division = field(default_factory=Division)
    unreadable: dict[Unreadable, None] = field(default_factory=dict)
    step: int = 0
    is_whole: bool = True

    def is_finite(self) -> bool:
        """Whether all numbers of the network, its mean and the optimizer are finite."""
        moments = (m for of_one in self.optimizer.state.values() for m in of_one.values())
        numbers = (*self.network.state_dict().values(), *self.mean.state().values(), *moments)
        return all(bool(one.isfinite().all()) for one in numbers if isinstance(one, Tensor))


class Kept:
    """Where the state of a training is kept. A state of another ``identity`` is never taken."""

    def __init__(self, path: Path, identity: str, every_s: float = EVERY_S) -> None:
        self.path, self.identity, self._every_s = path, identity, every_s
        self._last = time.monotonic()

    def step(self) -> int:
        """The steps that are done, 0 where no state of this training is there."""
        header = self._own()
        return header.step if header else 0

    def other_identity(self) -> str | None:
        """That of the state that is there, where it is of another training."""
        header, _ = self._header()
        return header.identity if header and header.identity != self.identity else None

    def damage(self) -> str:
        """Why the state that is there can't be read; empty where it can, or where there is none."""
        return self._header()[1]

    def restore(self, training: Training) -> int:
        """Put ``training`` where the state left off, and return its step; 0 where there is none.

        Raises InputError for a damaged state.
        """
        header = self._own()
        if header is None:
            return 0
        try:
            with open_file(self.path), safe_open(self.path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            _fill(training, tensors, header)
        except (SafetensorError, RuntimeError, LookupError, ValueError, TypeError) as error:
            raise InputError(
                f"The state of a training in {self.path} can't be read",
                str(error),
                "Remove the file to train anew.",
            ) from error
        training.step = header.step
        return header.step

    def due(self) -> bool:
        """Whether the last state is so old that the next should be written."""
        return time.monotonic() - self._last >= self._every_s

    def save(self, training: Training) -> None:
        """Write the state after the last step, whole or not at all. Raises OutputError."""
        state = training.optimizer.state_dict()
        header = _Header(
            identity=self.identity,
            step=training.step,
            groups=state["param_groups"],
            schedule=_plain(training.schedule.state_dict()),
            scaler=training.scaler.state_dict(),
            pieces=training.division.pieces,
            unreadable=list(training.unreadable),
            left_out=list(training.validation.left_out if training.validation else ()),
        )
        tensors = {name: value.contiguous() for name, value in _tensors(training, state["state"])}
        text = msgspec.json.encode(header).decode()
        with written_whole(self.path) as draft:
            draft.write_bytes(save(tensors, metadata={HEADER_KEY: text}))
        self._last = time.monotonic()

    def remove(self) -> None:
        """The training is done: nothing of its state is left, nor of states half written."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        clear_drafts_of(self.path)

    def _own(self) -> _Header | None:
        """The header of the state of this training."""
        header, _ = self._header()
        return header if header and header.identity == self.identity else None

    def _header(self) -> tuple[_Header | None, str]:
        """The header of the state that is there, or why it can't be read."""
        if not self.path.exists():
            return None, ""
        try:
            with open_file(self.path), safe_open(self.path, framework="pt") as file:
                text = (file.metadata() or {}).get(HEADER_KEY, "")
            header = msgspec.json.decode(text, type=_Header)
        except _DAMAGE as error:
            return None, f"can't be read ({error})"
        return header, ""


def _plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """Without the functions of a schedule, which its settings give again."""
    return {name: value for name, value in state.items() if name != _FUNCTIONS}


def _tensors(training: Training, moments: Mapping[int, Any]) -> Iterator[tuple[str, Tensor]]:
    yield _RNG, torch.get_rng_state()
    for name, value in training.network.state_dict().items():
        yield f"{_NETWORK}{name}", value
    for name, value in training.mean.state().items():
        yield f"{_MEAN}{name}", value
    for number, of_one in moments.items():
        for name, value in of_one.items():
            if isinstance(value, Tensor):  # SGD has None before its first step
                yield f"{_OPTIMIZER}{number}.{name}", value
    for name, value in training.history.state().items():
        yield f"{_HISTORY}{name}", value
    for name, value in (training.validation.state() if training.validation else {}).items():
        yield f"{_VALIDATION}{name}", value


def _fill(training: Training, tensors: Mapping[str, Tensor], header: _Header) -> None:
    training.network.load_state_dict(_under(_NETWORK, tensors))
    training.mean.restore(_under(_MEAN, tensors))
    training.history.restore(_under(_HISTORY, tensors))
    if training.validation:
        training.validation.restore(_under(_VALIDATION, tensors), header.left_out)
    training.optimizer.load_state_dict(
        {"state": _moments(training.optimizer, tensors), "param_groups": header.groups}
    )
    functions = training.schedule.state_dict()[_FUNCTIONS]
    training.schedule.load_state_dict(header.schedule | {_FUNCTIONS: functions})
    if training.scaler.is_enabled():
        training.scaler.load_state_dict(header.scaler)
    training.division.pieces = header.pieces
    training.unreadable = dict.fromkeys(header.unreadable)
    torch.set_rng_state(tensors[_RNG])


def _moments(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """By the number of the parameter. A moment lies in memory as its parameter does: in another
    order, the last bits of what is computed from it could differ."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    found: dict[int, dict[str, Tensor]] = {}
    for name, value in _under(_OPTIMIZER, tensors).items():
        number, _, key = name.partition(".")
        like = parameters[int(number)]
        moment = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
        found.setdefault(int(number), {})[key] = moment
    return found


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found = {n.removeprefix(prefix): value for n, value in tensors.items() if n.startswith(prefix)}
    if not found and prefix not in _MAY_BE_EMPTY:
        raise LookupError(f"it holds nothing of the {prefix.rstrip('.')}")
    return found
