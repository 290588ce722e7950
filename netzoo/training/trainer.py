"""Training at many sizes: a random one per step, as YOLOv2 introduced it (§2)."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from netzoo.config import NetworkConfig
from netzoo.data.coco import Dataset
from netzoo.loss import LossEntry, find_loss
from netzoo.network import AnchorDetector, Network, NetworkEntry, build_network, find_network
from netzoo.training.anchors import fit_anchors
from netzoo.training.average import RunningMean
from netzoo.training.batches import draw_batches
from netzoo.training.reproducible import has_native_bf16, reproducible
from netzoo.training.settings import TrainingSettings
from sizewise.errors import InputError, TrainingError, UsageError
from sizewise.progress import SILENT, Progress

_LAST_RATE = 0.01


def train(
    config: NetworkConfig,
    data: Dataset,
    settings: TrainingSettings,
    progress: Progress = SILENT,
) -> Network:
    """From random weights to the running mean of the trained ones, in evaluation mode.

    Anchors are fitted to the data where ``config`` has none; how raw numbers are decoded follows
    the loss. Raises UsageError, InputError, and TrainingError where the loss is no number.
    """
    loss = find_loss(settings.loss)
    entry = find_network(config.name)
    _check_data(config, data)
    _check_sizes(entry, settings)
    with reproducible(settings.seed, settings.threads):
        anchors = config.anchors or fit_anchors(
            data, settings.sizes, len(entry.anchors), settings.seed
        )
        network = build_network(replace(config, anchors=anchors, decoding=loss.decoding))
        if not isinstance(network, AnchorDetector):
            raise UsageError(
                f"{config.name} can't be trained with the loss {loss.name}",
                f"it is for detectors with anchors, and {config.name} does {entry.task}",
                "Choose a loss that fits the network.",
            )
        return _run(network, loss, data, settings, progress)


def _check_data(config: NetworkConfig, data: Dataset) -> None:
    if not data.images:
        raise InputError(
            f"The data set {data.name} can't be trained on",
            "it has no images",
            "Give one that has.",
        )
    if config.classes != data.classes:
        raise InputError(
            f"{config.name} can't be trained on the data set {data.name}",
            f"its classes are {', '.join(config.classes)}, the data's {', '.join(data.classes)}",
            "Build the network with the data's classes.",
        )


def _check_sizes(entry: NetworkEntry, settings: TrainingSettings) -> None:
    stride = max(entry.strides)
    for size in settings.sizes:
        if size.height % stride or size.width % stride:
            raise UsageError(
                f"{entry.name} can't be trained at {size}",
                f"height and width must be multiples of its stride, {stride}",
                f"Give sizes in steps of {stride}, as {5 * stride}:{10 * stride}:{stride}.",
            )


def _run(
    network: AnchorDetector,
    loss: LossEntry,
    data: Dataset,
    settings: TrainingSettings,
    progress: Progress,
) -> Network:
    convert_conv2d_weight_memory_format(network, torch.channels_last).train()
    optimizer, schedule = _optimizer(network, settings)
    mean = RunningMean(network, settings.ema_decay)
    bf16 = has_native_bf16()
    with progress.stage(f"train {network.config.name}", settings.steps) as stage:
        for step, batch in enumerate(draw_batches(data, settings), start=1):
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                heads = network(batch.images)
            parts = loss.compute(network, heads, batch.targets)
            total = torch.stack(list(parts.values())).sum()
            optimizer.zero_grad()
            torch.autograd.backward(total)
            norm = nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
            _check_finite(step, total, norm)
            optimizer.step()
            schedule.step()
            mean.update(network)
            stage.advance(note=f"loss {total.item():.3f} at {batch.size}")
    mean.copy_to(network)
    return network.eval()


def _optimizer(network: nn.Module, settings: TrainingSettings) -> tuple[AdamW, LambdaLR]:
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    optimizer = AdamW(
        [
            {"params": kernels, "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
    )
    return optimizer, LambdaLR(optimizer, lambda step: learning_rate_share(step, settings))


def learning_rate_share(step: int, settings: TrainingSettings) -> float:
    """The share of the peak learning rate at ``step``, from 0: up along a line, down along half a
    cosine."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * done)) / 2


def _check_finite(step: int, total: Tensor, norm: Tensor) -> None:
    if not (total.isfinite() and norm.isfinite()):
        raise TrainingError(
            f"Training broke off at step {step}",
            f"the loss is {total.item()}, the norm of its gradient {norm.item()}",
            "Lower the learning rate, or look for broken boxes in the data.",
            reason_code="numerics",
        )
