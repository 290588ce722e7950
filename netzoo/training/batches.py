"""What one training step sees: some images at one random size, and their boxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netzoo.data.coco import AnnotatedImage, Dataset
from netzoo.loss import Targets
from netzoo.tasks.letterbox import Letterbox
from netzoo.training.settings import TrainingSettings
from sizewise.specs import Size

_CACHE_BYTES = 2**30


@dataclass(frozen=True, kw_only=True)
class Batch:
    """``images`` is [B, 3, H, W], 0–1."""

    size: Size
    images: Tensor
    targets: Targets


class _Pictures:
    """Decodes each picture once, as long as all of them fit into a gigabyte."""

    def __init__(self) -> None:
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._free_bytes = _CACHE_BYTES

    def read(self, image: AnnotatedImage) -> NDArray[np.uint8]:
        if image.id in self._kept:
            return self._kept[image.id]
        picture = image.read()
        if picture.nbytes <= self._free_bytes:
            self._kept[image.id] = picture
            self._free_bytes -= picture.nbytes
        return picture


def draw_batches(data: Dataset, settings: TrainingSettings) -> Iterator[Batch]:
    """``settings.steps`` batches; every image comes once before any comes again."""
    rng = np.random.default_rng(settings.seed)
    pictures = _Pictures()
    order = _shuffled(len(data.images), rng)
    for _ in range(settings.steps):
        size = settings.sizes[rng.integers(len(settings.sizes))]
        images = [data.images[i] for i in islice(order, settings.batch_size)]
        yield _collate(images, size, pictures)


def _shuffled(count: int, rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from rng.permutation(count).tolist()


def _collate(images: list[AnnotatedImage], size: Size, pictures: _Pictures) -> Batch:
    fits = [Letterbox.fit(Size(image.height, image.width), size) for image in images]
    pixels = [fit.apply(pictures.read(image)) for fit, image in zip(fits, images, strict=True)]
    boxes = [fit.boxes_to_input(image.boxes) for fit, image in zip(fits, images, strict=True)]
    owners = np.repeat(np.arange(len(images)), [len(image.boxes) for image in images])
    return Batch(
        size=size,
        images=torch.from_numpy(np.stack(pixels)).contiguous(memory_format=torch.channels_last),
        targets=Targets(
            images=torch.from_numpy(owners),
            labels=torch.from_numpy(np.concatenate([image.labels for image in images])),
            boxes=torch.from_numpy(np.concatenate(boxes)),
        ),
    )
