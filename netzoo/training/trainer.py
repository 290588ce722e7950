"""Training at many sizes, a random one per step (YOLOv2, §2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import Dataset
from netzoo.data.relabelling import relabelled
from netzoo.losses._registry import LossEntry, LossFunction, Targets, choose_loss
from netzoo.tasks.registry import find_task
from netzoo.training.anchors import fit_anchors, shared_out
from netzoo.training.average import RunningMean
from netzoo.training.batches import Batch, draw_batches
from netzoo.training.checks import (
    check_classified,
    check_data,
    check_scales,
    check_sizes,
)
from netzoo.training.history import History
from netzoo.training.optimizer import make_optimizer
from netzoo.training.reproducible import has_native_bf16, reproducible
from netzoo.training.settings import ScaleTraining, TrainingSettings
from netzoo.training.state import Kept, Training
from netzoo.training.validation import Validation
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, NetworkEntry, build_network, find_network, keeps_shape
from sizewise.core.errors import TrainingError
from sizewise.core.progress import SILENT, Progress
from sizewise.core.specs import Size

TRAINER = 2
"""The number of this code, raised where the same settings give other weights."""


def train(
    config: NetworkConfig,
    data: Dataset | ClassifiedSet,
    settings: TrainingSettings,
    progress: Progress = SILENT,
    *,
    start: Callable[[Network], object] | None = None,
    classified: ClassifiedSet | None = None,
    history: History | None = None,
    kept: Kept | None = None,
    validation: Validation | None = None,
) -> Network:
    """Train a network and return the running mean of its weights, in evaluation mode.

    It starts from random weights, or from those that ``start`` fills in.

    A detector learns boxes from a Dataset, a segmenter masks, a classifier classes from a
    ClassifiedSet; with the loss ``joint``, a detector learns from ``classified`` images too. Where
    classes lie in a tree, those of the data are found in it by their names. Anchors are fitted to
    the data where ``config`` has none (a few boxes leave the published ones); how raw numbers are
    decoded follows the loss. ``history`` is told each step, its size and the weighted parts of its
    loss. ``validation``
    scores the running mean now and then, keeps the best, and may end the training early. With
    ``kept``, the training goes on from the state that is there, and leaves one there
    where it ends early: on the same machine, with as many threads, the weights are then those of a
    training that nothing interrupted, bit by bit.

    Raises UsageError, InputError, OutputError, and TrainingError where the loss is not finite.
    """
    entry = find_network(config.name)
    loss = choose_loss(entry, settings.loss)
    if config.tree:
        data = relabelled(data, config.classes)
    if classified:
        check_classified(entry, loss, classified)
        classified = relabelled(classified, config.classes)
    check_data(entry, config, data)
    check_sizes(entry, settings)
    check_scales(entry, config, settings)
    with reproducible(settings.seed, settings.threads):
        network = build_network(_settled(config, entry, loss, data, settings))
        if start:
            start(network)
        optimizer, schedule = make_optimizer(network, settings)
        convert_conv2d_weight_memory_format(network, torch.channels_last).train()
        training = Training(
            network=network,
            mean=RunningMean(network, settings.ema_decay),
            optimizer=optimizer,
            schedule=schedule,
            history=history or History(),
            validation=validation,
        )
        done = kept.restore(training) if kept else 0
        batches = draw_batches(
            data,
            settings,
            keep_shape=keeps_shape(config),
            classified=classified,
            masks=find_task(entry.task).learns_masks,
            done=done,
        )
        run = _Run(
            training=training,
            loss=loss.function(settings.scales),
            count=loss.count,
            settings=settings,
            kept=kept,
            bf16=_in_bf16(settings),
        )
        return run(batches, done, progress)


def _settled(
    config: NetworkConfig,
    entry: NetworkEntry,
    loss: LossEntry,
    data: Dataset | ClassifiedSet,
    settings: TrainingSettings,
) -> NetworkConfig:
    """The configuration with the anchors and the decoding of this training."""
    if isinstance(data, ClassifiedSet) or entry.design is None:
        return config
    if config.anchors:
        return replace(config, decoding=loss.decoding)
    anchors = fit_anchors(
        data, settings.sizes, entry.anchors, settings.seed, keep_shape=keeps_shape(config)
    )
    masks = config.masks
    if anchors != entry.anchors and not masks:
        own = shared_out(entry.design)
        masks = () if own == entry.design.masks else own
    return replace(config, anchors=anchors, masks=masks, decoding=loss.decoding)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """The steps of a training."""

    training: Training
    loss: LossFunction
    count: Callable[[Any, Size, Targets], tuple[int, ...]] | None
    settings: TrainingSettings
    kept: Kept | None
    bf16: bool

    def __call__(self, batches: Iterator[Batch], done: int, progress: Progress) -> Network:
        """Take the steps after those that are ``done``."""
        network, last = self.training.network, self.settings.steps
        with progress.stage(f"train {network.config.stem}", last) as stage:
            stage.advance(done)
            for step in range(done + 1, last + 1):
                size, total = self._step(step, batches)
                stage.advance(note=f"loss {total:.3f} at {size}")
                if self._is_over(step):
                    break
                if self.kept and self.kept.due():
                    self.kept.save(self.training, step)
        self.training.mean.copy_to(network)
        return network.eval()

    def _is_over(self, step: int) -> bool:
        """Whether the last step is done, or patience is lost; after a validation where one is
        due."""
        training, last = self.training, self.settings.steps
        if training.validation and training.validation.is_due(step, last):
            training.validation.look(step, training.network, training.mean)
            return step == last or training.validation.is_over(training.network)
        return step == last

    def _step(self, step: int, batches: Iterator[Batch]) -> tuple[Size, float]:
        """The size and the loss of a step."""
        training, network, count = self.training, self.training.network, self.settings.accumulate
        network.begin_step(step, self.settings.scales or ScaleTraining())
        training.optimizer.zero_grad()
        sums: dict[str, float] = {}
        together = list(islice(batches, count))
        answers = self._answers(together)
        for batch in together:
            parts = self._parts(batch, answers)
            total = torch.stack(list(parts.values())).sum() / count
            torch.autograd.backward(total)
            for name, part in parts.items():
                sums[name] = sums.get(name, 0.0) + part.item() / count
        norm = nn.utils.clip_grad_norm_(network.parameters(), self.settings.gradient_norm)
        _check_finite(step, sum(sums.values()), norm)
        training.optimizer.step()
        training.schedule.step()
        training.mean.update(network)
        training.history.add(step, batch.size, sums)
        return batch.size, sum(sums.values())

    def _answers(self, batches: Sequence[Batch]) -> tuple[float, ...] | None:
        """The answers of each head in all ``batches`` of a step, as the share of each; none: each
        batch divides by its own. A mean of the means would weigh boxes of a crowded batch less."""
        if self.count is None or len(batches) == 1:
            return None
        network = self.training.network
        each = [self.count(network, batch.size, batch.targets) for batch in batches]
        return tuple(max(1, sum(of_head)) / len(batches) for of_head in zip(*each, strict=True))

    def _parts(self, batch: Batch, answers: tuple[float, ...] | None) -> Mapping[str, Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            heads = self.training.network(batch.images)
        targets = replace(batch.targets, answers=answers)
        return self.loss(self.training.network, heads, targets)


def _in_bf16(settings: TrainingSettings) -> bool:
    return settings.arithmetic == "bf16" or (settings.arithmetic == "auto" and has_native_bf16())


def _check_finite(step: int, total: float, norm: Tensor) -> None:
    if not (math.isfinite(total) and norm.isfinite()):
        raise TrainingError(
            f"Training stopped at step {step}",
            f"the loss is {total}, the norm of its gradient {norm.item()}",
            "Lower the learning rate, or look for broken boxes in the data.",
            reason_code="numerics",
        )
