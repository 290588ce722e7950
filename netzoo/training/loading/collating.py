"""A draw made into a batch: its pictures decoded, changed, and put side by side."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netzoo.data.classified import ClassifiedImage
from netzoo.data.coco.dataset import AnnotatedImage
from netzoo.tasks.letterbox import Letterbox
from netzoo.training.augmenting.augment import Augmenter
from netzoo.training.augmenting.placing import Sample
from netzoo.training.augmenting.settings import Augmentation
from netzoo.training.class_masks import Bytes, label_bytes
from netzoo.training.loading.arrays import Arrays
from netzoo.training.loading.draws import Draw, Stream, changes_at, image_at, random_of
from netzoo.training.loading.joint import mixed
from netzoo.training.settings import TrainingSettings
from sizewise.core.specs import Size

TrainingImage = AnnotatedImage | ClassifiedImage
BOXED = -1
"""The label of an image that has boxes instead of one label."""
CACHE_BYTES = 2**30
"""Decoded pictures that a training keeps, in all of its workers together."""


class Chosen(NamedTuple):
    """An image of a training: its number among those with boxes or, in a joint training, among
    those that are only classified (``whole``)."""

    whole: bool
    number: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """The images of a training in their order. Those of a classifier are ``boxed``, too."""

    boxed: Sequence[TrainingImage]
    whole: Sequence[ClassifiedImage] | None
    seed: int

    def at(self, place: int) -> Chosen:
        if self.whole is None:
            return self._chosen(place, whole=False)
        boxed, place = mixed(place)
        return self._chosen(place, whole=not boxed)

    def other(self, rng: np.random.Generator) -> Chosen:
        """Any of those with boxes or masks."""
        return Chosen(whole=False, number=int(rng.integers(len(self.boxed))))

    def __getitem__(self, chosen: Chosen) -> TrainingImage:
        return self._of(whole=chosen.whole)[chosen.number]

    def _chosen(self, place: int, *, whole: bool) -> Chosen:
        stream, count = Stream.WHOLE if whole else Stream.BOXED, len(self._of(whole=whole))
        return Chosen(whole=whole, number=image_at(place, count, stream=stream, seed=self.seed))

    def _of(self, *, whole: bool) -> Sequence[TrainingImage]:
        return (self.whole or ()) if whole else self.boxed


class _DecodedOnce:
    """Pictures and masks as they were decoded first, as long as they fit into so many bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._decoded: dict[Hashable, NDArray[np.uint8]] = {}
        self._free_bytes = most_bytes

    def read(self, key: Hashable, decode: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
        if key in self._decoded:
            return self._decoded[key]
        pixels = decode()
        if pixels.nbytes <= self._free_bytes:
            self._decoded[key] = pixels
            self._free_bytes -= pixels.nbytes
        return pixels


class Collate:
    """Makes a batch of one size. Without ``keep_shape``, images are stretched to it instead of
    letterboxed. With ``masks``, it has the masks of the images; with ``channels`` (one for each
    label, 0–255), those of classes. It keeps up to ``cache_bytes`` of
    decoded pictures."""

    def __init__(
        self,
        images: Images,
        settings: TrainingSettings,
        *,
        keep_shape: bool,
        masks: bool,
        channels: Bytes | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._images, self._settings, self._keep_shape = images, settings, keep_shape
        self._masks, self._channels = masks, channels
        self._decoded = _DecodedOnce(cache_bytes)

    def __call__(self, draw: Draw) -> Arrays:
        """Raises InputError for a picture that can't be used."""
        chosen = [self._images.at(place) for place in draw.places]
        changes = changes_at(draw.step, self._settings)
        samples = [
            self._changed(one, place, draw.size, changes)
            if changes
            else self._fitted(self._sample(one), draw.size)
            for one, place in zip(chosen, draw.places, strict=True)
        ]
        found = _arrays(draw.size, [self._images[one] for one in chosen], samples)
        if self._channels is None or found.masks is None:
            return found
        return replace(found, masks=self._channels[found.masks])

    def _sample(self, chosen: Chosen) -> Sample:
        image = self._images[chosen]
        boxes, labels = np.empty((0, 4), np.float32), np.empty(0, np.int64)
        mask = None
        if isinstance(image, AnnotatedImage):
            boxes, labels = image.boxes, image.labels
            if self._masks:
                decode = image.mask if self._channels is None else partial(label_bytes, image)
                mask = self._decoded.read((chosen, "mask"), decode)
        picture = self._decoded.read(chosen, image.read)
        return Sample(picture=picture, boxes=boxes, labels=labels, mask=mask)

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

    def _changed(self, chosen: Chosen, place: int, size: Size, changes: Augmentation) -> Sample:
        if isinstance(self._images[chosen], ClassifiedImage):
            changes = changes.without_others
        augment = Augmenter(
            size=size,
            settings=changes,
            others=lambda rng: self._sample(self._images.other(rng)),
            keep_shape=self._keep_shape,
        )
        rng = random_of(self._settings.seed, Stream.CHANGES, place)
        return augment(self._sample(chosen), rng)


def _within(boxes: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """Cut off at the border of the input: some data have boxes far beyond it."""
    return boxes.clip(0, np.array([size.width, size.height] * 2, np.float32))


def _arrays(size: Size, images: Sequence[TrainingImage], samples: Sequence[Sample]) -> Arrays:
    """The boxes and masks of annotated images and the labels of classified ones; a batch may have
    both."""
    whole = [i.label if isinstance(i, ClassifiedImage) else BOXED for i in images]
    owners = [np.full(len(sample.boxes), number) for number, sample in enumerate(samples)]
    masks = [sample.mask for sample in samples if sample.mask is not None]
    return Arrays(
        size=size,
        pixels=np.stack([sample.picture for sample in samples]),
        images=np.concatenate(owners).astype(np.int64),
        labels=np.concatenate([sample.labels for sample in samples]),
        boxes=np.concatenate([sample.boxes for sample in samples]),
        whole=np.array(whole, np.int64),
        masks=np.stack(masks) if masks else None,
    )
