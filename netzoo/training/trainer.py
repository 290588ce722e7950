"""Training at many sizes, a random one per step (YOLOv2, §2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import Dataset
from netzoo.data.relabelling import relabelled
from netzoo.losses._registry import LossEntry, LossFunction, choose_loss
from netzoo.tasks.registry import find_task
from netzoo.training.anchors import fit_anchors
from netzoo.training.average import RunningMean
from netzoo.training.batches import Batch, draw_batches
from netzoo.training.checks import (
    check_classified,
    check_data,
    check_scales,
    check_sizes,
)
from netzoo.training.optimizer import make_optimizer
from netzoo.training.reproducible import has_native_bf16, reproducible
from netzoo.training.settings import ScaleTraining, TrainingSettings
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import Network, NetworkEntry, build_network, find_network, keeps_shape
from sizewise.core.errors import TrainingError
from sizewise.core.progress import SILENT, Progress
from sizewise.core.specs import Size

Record = Callable[[int, Size, Mapping[str, float]], object]


def train(
    config: NetworkConfig,
    data: Dataset | ClassifiedSet,
    settings: TrainingSettings,
    progress: Progress = SILENT,
    *,
    start: Callable[[Network], object] | None = None,
    classified: ClassifiedSet | None = None,
    record: Record = lambda _step, _size, _parts: None,
) -> Network:
    """Train a network and return the running mean of its weights, in evaluation mode.

    It starts from random weights, or from those that ``start`` fills in.

    A detector learns boxes from a Dataset, a segmenter masks, a classifier classes from a
    ClassifiedSet; with the loss ``joint``, a detector learns from ``classified`` images too. Where
    classes lie in a tree, those of the data are found in it by their names. Anchors are fitted to
    the data where ``config`` has none (a few boxes leave the published ones); how raw numbers are
    decoded follows the loss. ``record`` is given each step, its size and the weighted parts of its
    loss. Raises UsageError, InputError, and TrainingError where the loss is not finite.
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
        batches = draw_batches(
            data,
            settings,
            keep_shape=keeps_shape(config),
            classified=classified,
            masks=find_task(entry.task).learns_masks,
        )
        return _run(
            network, loss.function(settings.scales), batches, settings, progress, record=record
        )


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
    anchors = config.anchors or fit_anchors(
        data, settings.sizes, entry.anchors, settings.seed, keep_shape=keeps_shape(config)
    )
    return replace(config, anchors=anchors, decoding=loss.decoding)


def _run(
    network: Network,
    loss: LossFunction,
    batches: Iterable[Batch],
    settings: TrainingSettings,
    progress: Progress,
    *,
    record: Record,
) -> Network:
    convert_conv2d_weight_memory_format(network, torch.channels_last).train()
    optimizer, schedule = make_optimizer(network, settings)
    mean = RunningMean(network, settings.ema_decay)
    bf16 = has_native_bf16()
    with progress.stage(f"train {network.config.stem}", settings.steps) as stage:
        for step, batch in enumerate(batches, start=1):
            network.begin_step(step, settings.scales or ScaleTraining())
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                heads = network(batch.images)
            parts = loss(network, heads, batch.targets)
            total = torch.stack(list(parts.values())).sum()
            optimizer.zero_grad()
            torch.autograd.backward(total)
            norm = nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
            _check_finite(step, total, norm)
            optimizer.step()
            schedule.step()
            mean.update(network)
            record(step, batch.size, {name: part.item() for name, part in parts.items()})
            stage.advance(note=f"loss {total.item():.3f} at {batch.size}")
    mean.copy_to(network)
    return network.eval()


def _check_finite(step: int, total: Tensor, norm: Tensor) -> None:
    if not (total.isfinite() and norm.isfinite()):
        raise TrainingError(
            f"Training stopped at step {step}",
            f"the loss is {total.item()}, the norm of its gradient {norm.item()}",
            "Lower the learning rate, or look for broken boxes in the data.",
            reason_code="numerics",
        )
