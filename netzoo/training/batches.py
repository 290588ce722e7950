"""The batches of a training: images at one random size per step, with their targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netzoo.data.classified import ClassifiedImage, ClassifiedSet
from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.losses._registry import Targets
from netzoo.tasks.letterbox import Letterbox
from netzoo.training.augmenting.augment import Augmenter
from netzoo.training.augmenting.placing import Sample
from netzoo.training.augmenting.settings import Augmentation
from netzoo.training.class_masks import Bytes, label_bytes
from netzoo.training.draws import Draw, Stream, batches_of, changes_at, image_at, random_of
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

    def to(self, device: torch.device) -> Batch:
        """The same in the memory of ``device``."""
        if device.type == "cpu":
            return self
        moved = self.images.to(device, non_blocking=True)
        return replace(self, images=moved, targets=self.targets.to(device))


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
    channels: Bytes | None = None,
    done: int = 0,
    rank: int = 0,
) -> Iterator[Batch]:
    """Draw the batches of all steps, or of those after the first ``done``; every image comes once
    before any comes again. A step may have several batches, of one size.

    Without ``keep_shape``, images are stretched to the size instead of letterboxed. ``classified``
    images come among those of ``data`` (see ``netzoo.training.joint``). With ``masks``, the
    targets hold the masks of the images; with ``channels`` (one for each label, 0–255), those of
    classes. ``rank`` is that of the process, where several share them.
    """
    images = _Images(data, classified, settings.seed)
    collate = _Collate(images, settings, keep_shape=keep_shape, masks=masks, channels=channels)
    for draw in batches_of(settings, done, rank):
        yield collate(draw)


@dataclass(frozen=True)
class _Images:
    """The images of a training in their order."""

    data: Dataset | ClassifiedSet
    classified: ClassifiedSet | None
    seed: int

    def at(self, place: int) -> TrainingImage:
        if self.classified is None:
            return self._of(self.data, place, Stream.BOXED)
        boxed, place = mixed(place)
        if boxed:
            return self._of(self.data, place, Stream.BOXED)
        return self._of(self.classified, place, Stream.WHOLE)

    def other(self, rng: np.random.Generator) -> TrainingImage:
        """Any of those with boxes or masks."""
        return self.data.images[rng.integers(len(self.data.images))]

    def _of(self, data: Dataset | ClassifiedSet, place: int, stream: Stream) -> TrainingImage:
        return data.images[image_at(place, len(data.images), stream=stream, seed=self.seed)]


class _Collate:
    """Makes a batch of images and their targets, as tensors of one size."""

    def __init__(
        self,
        images: _Images,
        settings: TrainingSettings,
        *,
        keep_shape: bool,
        masks: bool,
        channels: Bytes | None,
    ) -> None:
        self._images, self._settings, self._keep_shape = images, settings, keep_shape
        self._pictures = _DecodedOnce[TrainingImage](lambda image: image.read())
        self._channels = channels
        decode = AnnotatedImage.mask if channels is None else label_bytes
        self._masks = _DecodedOnce[AnnotatedImage](decode) if masks else None

    def __call__(self, draw: Draw) -> Batch:
        images = [self._images.at(place) for place in draw.places]
        changes = changes_at(draw.step, self._settings)
        samples = [
            self._changed(image, place, draw.size, changes)
            if changes
            else self._fitted(self._sample(image), draw.size)
            for image, place in zip(images, draw.places, strict=True)
        ]
        pixels = np.stack([sample.picture for sample in samples]).transpose(0, 3, 1, 2)
        shares = np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(255)
        return Batch(
            size=draw.size,
            images=torch.from_numpy(shares).contiguous(memory_format=torch.channels_last),
            targets=_targets(images, samples, self._channels),
        )

    def _sample(self, image: TrainingImage) -> Sample:
        boxes, labels = np.empty((0, 4), np.float32), np.empty(0, np.int64)
        mask = None
        if isinstance(image, AnnotatedImage):
            boxes, labels = image.boxes, image.labels
            mask = self._masks.read(image) if self._masks else None
        return Sample(picture=self._pictures.read(image), boxes=boxes, labels=labels, mask=mask)

    def _fitted(self, sample: Sample, size: Size) -> Sample:
        """As an evaluation sees it."""
        fit = Letterbox.fit(Size(*sample.picture.shape[:2]), size, keep_shape=self._keep_shape)
        boxes = _within(fit.boxes_to_input(sample.boxes), size)
        inside = (boxes[:, 2:] > boxes[:, :2]).all(1)
        return replace(
            sample,
            picture=fit.apply_bytes(sample.picture),
            boxes=boxes[inside],
            labels=sample.labels[inside],
            mask=None if sample.mask is None else fit.mask_to_input(sample.mask),
        )

    def _changed(
        self, image: TrainingImage, place: int, size: Size, changes: Augmentation
    ) -> Sample:
        if isinstance(image, ClassifiedImage):
            changes = changes.without_others
        augment = Augmenter(
            size=size,
            settings=changes,
            others=lambda rng: self._sample(self._images.other(rng)),
            keep_shape=self._keep_shape,
        )
        rng = random_of(self._settings.seed, Stream.CHANGES, place)
        return augment(self._sample(image), rng)


def _within(boxes: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """Cut off at the border of the input: some data have boxes far beyond it."""
    return boxes.clip(0, np.array([size.width, size.height] * 2, np.float32))


def _targets(
    images: Sequence[TrainingImage], samples: Sequence[Sample], channels: Bytes | None
) -> Targets:
    """The boxes and masks of annotated images and the labels of classified ones; a batch may have
    both. Labels of pixels become their ``channels``."""
    whole = [i.label if isinstance(i, ClassifiedImage) else BOXED for i in images]
    owners = [np.full(len(sample.boxes), number) for number, sample in enumerate(samples)]
    masks = [sample.mask for sample in samples if sample.mask is not None]
    if channels is not None:
        masks = [channels[mask] for mask in masks]
    return Targets(
        images=torch.from_numpy(np.concatenate(owners).astype(np.int64)),
        labels=torch.from_numpy(np.concatenate([sample.labels for sample in samples])),
        boxes=torch.from_numpy(np.concatenate([sample.boxes for sample in samples])),
        whole=torch.from_numpy(np.array(whole, np.int64)),
        masks=torch.from_numpy(np.stack(masks)[:, None].astype(np.float32)) if masks else None,
    )
