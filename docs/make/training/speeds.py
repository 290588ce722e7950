"""Speeds of a training, each beside what it is held against: our loop beside a bare one, and the
loader beside what a network consumes.

Both sides take turns in one process, so that only ratios within a run are looked at. Of the CPU
time of the process, what else runs on the machine takes nothing; of the wall time, it does.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.losses._registry import choose_loss
from netzoo.training.augmenting.settings import PRESETS
from netzoo.training.history import History, Row
from netzoo.training.loading.batches import Batch, draw_batches
from netzoo.training.loading.collating import Collate, Images
from netzoo.training.loading.draws import batches_of
from netzoo.training.loop.reproducible import reproducible
from netzoo.training.optimizer import make_optimizer
from netzoo.training.settings import TrainingSettings
from netzoo.training.trainer import train
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import build_network, find_network
from sizewise.core.specs import Size

NETWORK = "yolov4-tiny"
CLASSES = tuple(map(str, range(80)))
LEAST_SHARE, LEAST_TIMES = 0.9, 2.0
"""The claims: of a bare loop's throughput, and of what the network consumes."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Images, and the seconds of a turn over them."""

    images: int
    wall_s: float
    cpu_s: float

    def per_s(self, *, of_cpu: bool) -> float:
        return self.images / (self.cpu_s if of_cpu else self.wall_s)


@dataclass
class Clock:
    """What passed between two looks."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def start(self) -> None:
        self.wall_s, self.cpu_s = time.perf_counter(), time.process_time()

    def spent(self, images: int) -> Spent:
        return Spent(
            images=images,
            wall_s=time.perf_counter() - self.wall_s,
            cpu_s=time.process_time() - self.cpu_s,
        )


def pictures(folder: Path, count: int, height: int = 480, width: int = 640) -> Dataset:
    """JPEG files as large as COCO's, with seven boxes each: COCO's mean (Lin et al. 2014, §5)."""
    rng = np.random.default_rng(0)
    images = []
    for number in range(count):
        path = folder / f"{number}.jpg"
        # Smooth and noisy parts, so that decoding costs what it does for photographs.
        coarse = rng.integers(0, 256, (height // 32, width // 32, 3), dtype=np.uint8)
        smooth = np.asarray(
            Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        )
        noise = rng.normal(0, 12, (height, width, 1))
        pixels = (smooth + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=90)
        images.append(_annotated(number, path, height, width, rng))
    return Dataset(
        name="pictures",
        classes=CLASSES,
        category_ids=tuple(range(1, len(CLASSES) + 1)),
        images=tuple(images),
        sha256="",
    )


def _annotated(
    number: int, path: Path, height: int, width: int, rng: np.random.Generator
) -> AnnotatedImage:
    sides = rng.uniform(0.1, 0.5, (7, 2)) * (width, height)
    corners = rng.uniform(0, 1, (7, 2)) * ((width, height) - sides)
    return AnnotatedImage(
        id=number,
        path=path,
        height=height,
        width=width,
        boxes=np.concatenate([corners, corners + sides], 1).astype(np.float32),
        labels=rng.integers(len(CLASSES), size=7),
        crowd_boxes=np.empty((0, 4), np.float32),
        crowd_labels=np.empty(0, np.int64),
        segments=(None,) * 7,
    )


def config() -> NetworkConfig:
    """At its full width, with its own anchors."""
    return NetworkConfig(name=NETWORK, classes=CLASSES, anchors=find_network(NETWORK).anchors)


@dataclass
class Loops:
    """Turns of our loop and of a bare one: the same network, loss and optimizer, on pictures that
    are decoded already."""

    data: Dataset
    settings: TrainingSettings
    ours: list[Spent] = field(default_factory=list)
    bare: list[Spent] = field(default_factory=list)

    def take_turn(self) -> None:
        """Time both, each first in every other turn."""
        parts: list[Callable[[], None]] = [
            lambda: self.ours.append(our_loop(self.data, self.settings)),
            lambda: self.bare.append(bare_loop(self.data, self.settings)),
        ]
        for part in parts[:: 1 if len(self.bare) % 2 else -1]:
            part()

    def share(self, *, of_cpu: bool) -> float:
        """Our images per second, as a share of the bare loop's: the median over turns."""
        pairs = zip(self.ours, self.bare, strict=True)
        return statistics.median(
            ours.per_s(of_cpu=of_cpu) / bare.per_s(of_cpu=of_cpu) for ours, bare in pairs
        )


class _Timed(History):
    """Its clock runs from the end of step ``warm``, when all pictures are decoded, to that of the
    last."""

    def __init__(self, warm: int, last: int) -> None:
        super().__init__()
        self._warm, self._last, self._clock, self._images = warm, last, Clock(), 0
        self.spent = Spent(images=0, wall_s=0.0, cpu_s=0.0)

    def add(self, row: Row) -> None:
        super().add(row)
        self._images += int(row.images) if row.step > self._warm else 0
        if row.step == self._warm:
            self._clock.start()
        if row.step == self._last:
            self.spent = self._clock.spent(self._images)


def our_loop(data: Dataset, settings: TrainingSettings) -> Spent:
    """``settings.steps`` steps after as many as it takes to see each picture."""
    warm = -(-len(data.images) // settings.batch_size)
    history = _Timed(warm, warm + settings.steps)
    train(config(), data, replace(settings, steps=warm + settings.steps), history=history)
    return history.spent


def bare_loop(data: Dataset, settings: TrainingSettings) -> Spent:
    """As many steps of forward, loss, backward and update, on one batch in memory: what the network
    consumes where nothing else is to be done."""
    with _bare(data, settings) as (step, batch):
        step()
        clock = Clock()
        clock.start()
        for _ in range(settings.steps):
            step()
        return clock.spent(settings.steps * len(batch.images))


@contextmanager
def _bare(data: Dataset, settings: TrainingSettings) -> Iterator[tuple[Callable[[], None], Batch]]:
    entry = find_network(NETWORK)
    loss = choose_loss(entry, settings.loss)
    with reproducible(settings.seed, settings.threads):
        network = build_network(replace(config(), decoding=loss.decoding))
        nn.utils.convert_conv2d_weight_memory_format(network, torch.channels_last).train()
        optimizer, _ = make_optimizer(network, settings)
        function = loss.wanted(entry, settings)
        batch = next(draw_batches(data, settings))

        def step() -> None:
            optimizer.zero_grad()
            parts = function(network, network(batch.images), batch.targets)
            torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        yield step, batch


def loaded(data: Dataset, preset: str, images: int, size: Size, batch: int = 8) -> Spent:
    """The images that one core loads, decoding each picture anew: none is in memory."""
    settings = TrainingSettings(
        steps=-(-images // batch) + 1,
        batch_size=batch,
        sizes=(size,),
        augmentation=PRESETS[preset],
        threads=1,
    )
    collate = Collate(
        Images(boxed=data.images, whole=None, seed=0),
        settings,
        keep_shape=True,
        masks=False,
        cache_bytes=0,
    )
    draws = batches_of(settings)
    collate(next(draws))
    clock, count = Clock(), 0
    clock.start()
    for draw in draws:
        count += len(collate(draw).pixels)
    return clock.spent(count)
