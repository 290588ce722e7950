"""What each step of a training sees, from its settings and its number alone.

So a training that goes on sees what it would have seen, and processes that share a training agree
without a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, auto
from functools import lru_cache
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from netzoo.training.augmenting.settings import Augmentation
from netzoo.training.settings import TrainingSettings
from sizewise.core.specs import Size


class Stream(IntEnum):
    """What is drawn: each has random numbers of its own."""

    SIZES = auto()
    BOXED = auto()
    WHOLE = auto()
    CHANGES = auto()
    INSTEAD = auto()


def random_of(seed: int, stream: Stream, *numbers: int) -> np.random.Generator:
    """The generator of one draw."""
    return np.random.default_rng((seed, stream, *numbers))


def size_at(step: int, settings: TrainingSettings) -> Size:
    """The size of a step, counted from 0: a new one is drawn every ``size_every`` steps (YOLOv2,
    §2: 10), and the last ``final_steps`` have the largest."""
    if step >= settings.steps - settings.final_steps:
        return max(settings.sizes, key=lambda size: size.pixels)
    turn = step // settings.size_every
    return settings.sizes[
        random_of(settings.seed, Stream.SIZES, turn).integers(len(settings.sizes))
    ]


def images_at(size: Size, settings: TrainingSettings) -> int:
    """The images of a batch: as many as have the pixels of ``batch_size`` images of the mean size,
    one at least; or always ``batch_size``."""
    if not settings.level:
        return settings.batch_size
    mean = fmean(one.pixels for one in settings.sizes)
    return max(1, round(settings.batch_size * mean / size.pixels))


@dataclass(frozen=True, kw_only=True)
class Draw:
    """A batch of a step: its size, and the ``places`` of its images in their order."""

    step: int
    size: Size
    places: range


def batches_of(settings: TrainingSettings, done: int = 0, rank: int = 0) -> Iterator[Draw]:
    """The batches after the first ``done`` steps, ``accumulate`` of them for each step; of several
    processes, those of the one with that ``rank``."""
    place = 0
    for step in range(settings.steps):
        size = size_at(step, settings)
        count = images_at(size, settings)
        for _ in range(settings.accumulate):
            first = place + rank * count
            if step >= done:
                yield Draw(step=step, size=size, places=range(first, first + count))
            place += settings.processes * count


def changes_at(step: int, settings: TrainingSettings) -> Augmentation | None:
    """How the images of a step are changed: in the last ``final_steps``, each for itself."""
    changes = settings.augmentation
    if changes and step >= settings.steps - settings.final_steps:
        return changes.without_others
    return changes


def image_at(place: int, count: int, *, stream: Stream, seed: int) -> int:
    """Which of ``count`` images stands at a place: each comes once before any comes again."""
    epoch, turn = divmod(place, count)
    return int(_order(seed, stream, epoch, count)[turn])


@lru_cache(maxsize=8)
def _order(seed: int, stream: Stream, epoch: int, count: int) -> NDArray[np.int64]:
    return random_of(seed, stream, epoch).permutation(count)
