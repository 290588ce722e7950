"""The batches of a training: images at one random size per step, with their targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netzoo.data.classified import ClassifiedImage, ClassifiedSet
from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.losses._registry import Targets
from netzoo.tasks.letterbox import Letterbox
from netzoo.training.joint import mixed
from netzoo.training.settings import TrainingSettings
from sizewise.core.specs import Size

TrainingImage = AnnotatedImage | ClassifiedImage
Image = TypeVar("Image")
BOXED = -1
"""The label of an image that has boxes instead of one label."""
_CACHE_BYTES = 2**30


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images [B, 3, H, W], 0–1, of one size, with their targets."""

    size: Size
    images: Tensor
    targets: Targets


class _DecodedOnce(Generic[Image]):
    """Decodes each picture or mask once, as long as all of them fit into 1 GiB."""

    def __init__(self, decode: Callable[[Image], NDArray[np.uint8]]) -> None:
        self._decode = decode
        self._decoded: dict[Image, NDArray[np.uint8]] = {}
        self._free_bytes = _CACHE_BYTES

    def read(self, image: Image) -> NDArray[np.uint8]:
        if image in self._decoded:
            return self._decoded[image]
        pixels = self._decode(image)
        if pixels.nbytes <= self._free_bytes:
            self._decoded[image] = pixels
            self._free_bytes -= pixels.nbytes
        return pixels


def draw_batches(
    data: Dataset | ClassifiedSet,
    settings: TrainingSettings,
    *,
    keep_shape: bool = True,
    classified: ClassifiedSet | None = None,
    masks: bool = False,
) -> Iterator[Batch]:
    """Draw ``settings.steps`` batches; every image comes once before any comes again.

    Without ``keep_shape``, images are stretched to the size instead of letterboxed. ``classified``
    images come among those of ``data`` (see ``netzoo.training.joint``). With ``masks``, the
    targets hold the masks of the images.
    """
    rng = np.random.default_rng(settings.seed)
    collate = _Collate(keep_shape, masks=masks)
    order = _shuffled(data.images, rng)
    if classified:
        order = mixed(order, _shuffled(classified.images, rng))
    for _ in range(settings.steps):
        size = settings.sizes[rng.integers(len(settings.sizes))]
        yield collate(list(islice(order, settings.batch_size)), size)


def _shuffled(images: Sequence[TrainingImage], rng: np.random.Generator) -> Iterator[TrainingImage]:
    while True:
        yield from (images[i] for i in rng.permutation(len(images)))


class _Collate:
    """Makes a batch of images and their targets, as tensors of one size."""

    def __init__(self, keep_shape: bool, *, masks: bool) -> None:
        self._keep_shape = keep_shape
        self._pictures = _DecodedOnce[TrainingImage](lambda image: image.read())
        self._masks = _DecodedOnce[AnnotatedImage](lambda image: image.mask()) if masks else None

    def __call__(self, images: Sequence[TrainingImage], size: Size) -> Batch:
        read = [self._pictures.read(image) for image in images]
        fits = [Letterbox.fit(Size(*p.shape[:2]), size, keep_shape=self._keep_shape) for p in read]
        pixels = np.stack([fit.apply(picture) for fit, picture in zip(fits, read, strict=True)])
        return Batch(
            size=size,
            images=torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last),
            targets=replace(_targets(images, fits), masks=self._mask_targets(images, fits)),
        )

    def _mask_targets(
        self, images: Sequence[TrainingImage], fits: Sequence[Letterbox]
    ) -> Tensor | None:
        if self._masks is None:
            return None
        annotated = [image for image in images if isinstance(image, AnnotatedImage)]
        masks = [
            fit.mask_to_input(self._masks.read(image))
            for image, fit in zip(annotated, fits, strict=True)
        ]
        return torch.from_numpy(np.stack(masks)[:, None].astype(np.float32))


def _targets(images: Sequence[TrainingImage], fits: Sequence[Letterbox]) -> Targets:
    """The boxes of annotated images and the labels of classified ones; a batch may have both."""
    owners = [np.empty(0, np.int64)]
    labels = [np.empty(0, np.int64)]
    boxes = [np.empty((0, 4), np.float32)]
    whole = np.full(len(images), BOXED)
    for number, (image, fit) in enumerate(zip(images, fits, strict=True)):
        if isinstance(image, ClassifiedImage):
            whole[number] = image.label
            continue
        owners.append(np.full(len(image.boxes), number))
        labels.append(image.labels)
        boxes.append(fit.boxes_to_input(image.boxes))
    return Targets(
        images=torch.from_numpy(np.concatenate(owners)),
        labels=torch.from_numpy(np.concatenate(labels)),
        boxes=torch.from_numpy(np.concatenate(boxes)),
        whole=torch.from_numpy(whole),
    )
