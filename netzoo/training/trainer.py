"""Training at many sizes, a random one per step (YOLOv2, §2)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import torch
from torch.amp.grad_scaler import GradScaler
from torch.nn.utils import convert_conv2d_weight_memory_format

from netzoo.data.classified import ClassifiedSet
from netzoo.data.coco.dataset import Dataset
from netzoo.data.faults import STOP, Faults
from netzoo.data.relabelling import relabelled
from netzoo.losses._registry import LossEntry, choose_loss
from netzoo.tasks.registry import find_task
from netzoo.training.anchors import fit_anchors, masks_of
from netzoo.training.average import RunningMean
from netzoo.training.checks import (
    check_classified,
    check_data,
    check_scales,
    check_sizes,
)
from netzoo.training.class_masks import channels_for
from netzoo.training.history import History
from netzoo.training.loading.batches import draw_batches
from netzoo.training.loop.devices import Updates, autocast_to, device_of
from netzoo.training.loop.freezing import freeze
from netzoo.training.loop.pace import Pace
from netzoo.training.loop.processes import joined
from netzoo.training.loop.reproducible import reproducible
from netzoo.training.loop.resuming import take_up
from netzoo.training.loop.running import Run
from netzoo.training.loop.stepping import Stepper
from netzoo.training.optimizer import make_optimizer
from netzoo.training.settings import TrainingSettings
from netzoo.training.state import Kept, Training
from netzoo.training.validation import Validation
from netzoo.zoo.config import MULTISCALE, NetworkConfig
from netzoo.zoo.network import Network, NetworkEntry, build_network, find_network, keeps_shape
from sizewise.core.progress import SILENT, Reporter

TRAINER = 3
"""The number of this code, raised where the same settings give other weights."""


def train(
    config: NetworkConfig,
    data: Dataset | ClassifiedSet,
    settings: TrainingSettings,
    reporter: Reporter = SILENT,
    *,
    start: Callable[[Network], object] | None = None,
    classified: ClassifiedSet | None = None,
    history: History | None = None,
    kept: Kept | None = None,
    validation: Validation | None = None,
    workers: int = 0,
    faults: Faults = STOP,
) -> Network:
    """Train a network and return the running mean of its weights, in evaluation mode.

    It starts from random weights, or from those that ``start`` fills in.

    A detector learns boxes from a Dataset, a segmenter masks, a classifier classes from a
    ClassifiedSet; with the loss ``joint``, a detector learns from ``classified`` images too. Where
    classes lie in a tree, those of the data are found in it by their names. Anchors are fitted to
    the data where ``config`` has none (a few boxes leave the published ones); how raw numbers are
    decoded follows the loss. ``history`` is told each step, its size and the weighted parts of its
    loss. ``validation`` scores the running mean now and then, keeps the best, and may end the
    training early. With ``kept``, the training goes on from the state that is there, and leaves one
    there where it is interrupted: on the same CPU, with as many threads, the weights are then those
    of a training that nothing interrupted, bit by bit. So many ``workers`` load pictures ahead (0:
    it does so itself); they change nothing but the time. Where ``faults`` skips images that can't
    be read, others take their places, and a training goes on only where they still can't be.

    Raises UsageError, InputError, OutputError, and TrainingError where the loss is not finite.
    """
    entry = find_network(config.name)
    loss = choose_loss(entry, settings.loss)
    function = loss.wanted(entry, settings)
    if config.tree:
        data = relabelled(data, config.classes)
    if classified:
        check_classified(entry, loss, classified)
        classified = relabelled(classified, config.classes)
    check_data(entry, config, data, masks=not faults.skips)
    check_sizes(entry, settings)
    check_scales(entry, config, settings)
    device = device_of(settings)
    with (
        reproducible(settings.seed, settings.threads, to_the_bit=settings.device == "cpu"),
        joined(settings) as processes,
    ):
        network = build_network(_settled(config, entry, loss, data, settings))
        if start:
            start(network)
        convert_conv2d_weight_memory_format(network, torch.channels_last).to(device).train()
        freeze(network, settings)
        training = _training(network, settings, history or History(), validation)
        done = kept.restore(training) if kept else 0
        if kept and done:
            parts = (data, classified) if classified else (data,)
            take_up(training.unreadable, parts, faults, kept.path)
        batches = draw_batches(
            data,
            settings,
            keep_shape=keeps_shape(config),
            classified=classified,
            masks=find_task(entry.task).learns_masks,
            channels=channels_for(config, data),
            done=done,
            rank=processes.rank,
            workers=workers,
        )
        stepper = Stepper(
            training=training,
            model=processes.model(network, device, some_unused=entry.name == MULTISCALE),
            loss=function,
            count=loss.counter(settings),
            settings=settings,
            processes=processes,
            device=device,
            autocast=autocast_to(settings),
            updates=Updates(
                optimizer=training.optimizer,
                parameters=list(network.parameters()),
                scaler=training.scaler,
                most_norm=settings.gradient_norm,
            ),
            pace=Pace(device),
            remark=reporter.remark,
        )
        run = Run(
            training=training,
            stepper=stepper,
            settings=settings,
            kept=kept,
            processes=processes,
            faults=faults,
        )
        with closing(batches):
            return run(batches, reporter)


def _training(
    network: Network, settings: TrainingSettings, history: History, validation: Validation | None
) -> Training:
    """What changes from step to step, before the first."""
    optimizer, schedule = make_optimizer(network, settings)
    in_fp16 = autocast_to(settings) == torch.float16
    return Training(
        network=network,
        mean=RunningMean(network, settings.ema_decay),
        optimizer=optimizer,
        schedule=schedule,
        history=history,
        scaler=GradScaler(settings.device, enabled=in_fp16),
        validation=validation,
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
    if config.anchors:
        return replace(config, decoding=loss.decoding)
    anchors = fit_anchors(
        data, settings.sizes, entry.anchors, settings.seed, keep_shape=keeps_shape(config)
    )
    are_fitted = anchors != entry.anchors
    masks = config.masks or (masks_of(entry.design) if are_fitted else ())
    return replace(config, anchors=anchors, masks=masks, decoding=loss.decoding)
