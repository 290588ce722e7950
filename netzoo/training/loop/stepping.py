"""One step of a training: the gradient of its batches, and the change of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from netzoo.losses._registry import LossFunction, Targets
from netzoo.training.history import Row
from netzoo.training.loading.batches import Batch
from netzoo.training.loop.devices import Updates
from netzoo.training.loop.holding import signals_wait
from netzoo.training.loop.pace import Pace
from netzoo.training.loop.pieces import memory_ran_out, pieces_of
from netzoo.training.loop.processes import Processes
from netzoo.training.loop.recomputing import recomputing
from netzoo.training.settings import ScaleTraining, TrainingSettings
from netzoo.training.state import Training
from sizewise.core.errors import TrainingError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size

Counter = Callable[[Any, Size, Targets], tuple[int, ...]]
Answers = tuple[float, ...] | None


@dataclass(frozen=True, kw_only=True)
class Stepper:
    """Takes the steps of a training. ``model`` is what images go through: its network, or that
    shared by several processes. ``count`` and ``loss`` are those of a ``LossEntry``."""

    training: Training
    model: nn.Module
    loss: LossFunction
    count: Counter | None
    settings: TrainingSettings
    processes: Processes
    device: torch.device
    autocast: torch.dtype | None
    updates: Updates
    pace: Pace
    remark: Callable[[str], None]

    def __call__(self, step: int, batches: Sequence[Batch]) -> dict[str, float]:
        """Take a step, counted from 1, and return the weighted parts of its loss.

        Where memory runs out, batches are divided. Raises TrainingError, and leaves the state of
        before the step, then and where it is interrupted: ``is_whole`` says whether it could. A
        signal amid the change of the weights waits until that is done.
        """
        training, network = self.training, self.training.network
        network.begin_step(step, self.settings.scales or ScaleTraining())
        batches = [batch.to(self.device) for batch in batches]
        size, before, pieces = batches[0].size, _Statistics.of(network), training.division.pieces
        try:
            while (parts := self._gradient(batches)) is None:
                before.restore()
                self._divide(step, batches)
            norm = self.updates.norm()
            parts = self.processes.mean(parts)
            self._check_finite(step, size, sum(parts.values()), norm)
            with signals_wait():
                self._change(step, batches, parts)
        except BaseException:
            if training.step < step:
                before.restore()
                training.division.pieces = pieces
            raise
        return parts

    def _change(self, step: int, batches: Sequence[Batch], parts: Mapping[str, float]) -> None:
        """Change the weights, and all that goes with them."""
        training = self.training
        training.is_whole = False
        rate = training.optimizer.param_groups[0]["lr"]
        if self.updates.step():
            training.schedule.step()
        training.mean.update(training.network)
        training.history.add(self._row(step, batches, parts, rate))
        training.step, training.is_whole = step, True

    def _row(
        self, step: int, batches: Sequence[Batch], parts: Mapping[str, float], rate: float
    ) -> Row:
        images = sum(len(batch.images) for batch in batches) * self.processes.count
        return Row(
            step=step,
            size=batches[0].size,
            parts=parts,
            images=images,
            learning_rate=rate,
            images_per_s=self.pace.end(images),
            memory_bytes=self.pace.memory_bytes(),
        )

    def _gradient(self, batches: Sequence[Batch]) -> dict[str, float] | None:
        """The parts of the loss, with the gradient left in the weights; None where memory ran
        out."""
        try:
            return self._sums(batches)
        except (MemoryError, RuntimeError) as error:
            if not memory_ran_out(error):
                raise
        # Not within the block: the error holds all that was computed.
        self.training.optimizer.zero_grad()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _divide(self, step: int, batches: Sequence[Batch]) -> None:
        """Compute the batches in smaller pieces from now on. Raises TrainingError where they can't
        be."""
        on_gpu = self.device.type == "cuda"
        where = "GPU" if on_gpu else "machine"
        division, size = self.training.division, batches[0].size
        most = max(len(batch.images) for batch in batches)
        if division.pieces >= most or self.processes.count > 1:
            raise TrainingError(
                f"Training stopped at step {step}",
                f"the memory of the {where} does not hold {math.ceil(most / division.pieces)} "
                f"images at {size}",
                f"Give smaller {spelled('sizes')}, a smaller {spelled('batch')} with more of "
                f"{spelled('accumulate')}, or {spelled('checkpointing')}.",
                reason_code="oom_device" if on_gpu else "oom_host",
            )
        division.pieces *= 2
        self.remark(
            f"The memory of the {where} does not hold {most} images at {size}: from step {step} "
            f"on, each batch is computed in {division.pieces} pieces, whose gradients are added up."
        )

    def _sums(self, batches: Sequence[Batch]) -> dict[str, float]:
        pieces = [p for batch in batches for p in pieces_of(batch, self.training.division.pieces)]
        shares = _shares([len(piece.images) for piece in pieces])
        answers = self._answers(pieces, shares)
        self.training.optimizer.zero_grad()
        sums: dict[str, float] = {}
        for number, (piece, share) in enumerate(zip(pieces, shares, strict=True)):
            with self._exchange(last=number == len(pieces) - 1):
                parts = self._parts(piece, answers[number])
                self.updates.backward(torch.stack(list(parts.values())).sum() * share)
            for name, part in parts.items():
                sums[name] = sums.get(name, 0.0) + part.item() * share
        return sums

    def _answers(self, pieces: Sequence[Batch], shares: Sequence[float]) -> Sequence[Answers]:
        """What each piece divides by where the loss is a mean over what answers for boxes: its
        share of those of the whole step. A mean of means would weigh the boxes of crowded pieces
        less than others. None: a piece divides by its own."""
        if self.count is None or len(pieces) * self.processes.count == 1:
            return [None] * len(pieces)
        each = [self.count(self.training.network, p.size, p.targets) for p in pieces]
        sums = self.processes.added([sum(of_head) for of_head in zip(*each, strict=True)])
        whole = [max(1, count) / self.processes.count for count in sums]
        return [tuple(count * share for count in whole) for share in shares]

    def _parts(self, batch: Batch, answers: Answers) -> Mapping[str, Tensor]:
        with (
            torch.autocast(self.device.type, self.autocast, enabled=self.autocast is not None),
            recomputing(self.training.network, at_all=self.settings.checkpointing),
        ):
            heads = self.model(batch.images)
        targets = replace(batch.targets, answers=answers)
        return self.loss(self.training.network, heads, targets)

    def _exchange(self, *, last: bool) -> AbstractContextManager[None]:
        """Several processes exchange their gradients with the last piece alone."""
        if last or not isinstance(self.model, DistributedDataParallel):
            return nullcontext()
        alone: AbstractContextManager[None] = self.model.no_sync()
        return alone

    def _check_finite(self, step: int, size: Size, total: float, norm: Tensor) -> None:
        if self.updates.may_overflow or (math.isfinite(total) and norm.isfinite()):
            return
        raise TrainingError(
            f"Training stopped at step {step}, at {size}",
            f"the loss is {total}, the norm of its gradient {norm.item()}",
            calmer(self.settings),
            reason_code="numerics",
        )


def calmer(settings: TrainingSettings) -> str:
    """What to do where numbers of a training are not finite."""
    return (
        f"Lower {spelled('learning_rate')} ({settings.learning_rate:g}), raise "
        f"{spelled('warmup_steps')} ({settings.warmup_steps}), give "
        f"{spelled('arithmetic')} fp32, or look for broken boxes in the data."
    )


def _shares(counts: Sequence[int]) -> list[float]:
    return [count / sum(counts) for count in counts]


@dataclass(frozen=True)
class _Statistics:
    """What a forward pass changes: BatchNorm's statistics, and the random numbers drawn."""

    network: nn.Module
    buffers: Mapping[str, Tensor]
    drawn: Tensor

    @classmethod
    def of(cls, network: nn.Module) -> _Statistics:
        buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
        return cls(network, buffers, torch.get_rng_state())

    @torch.no_grad()
    def restore(self) -> None:
        for name, buffer in self.network.named_buffers():
            buffer.copy_(self.buffers[name])
        torch.set_rng_state(self.drawn)
