"""A draw made into a batch: its pictures decoded, changed, and put side by side."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netzoo.data.classified import ClassifiedImage
from netzoo.data.coco.dataset import AnnotatedImage
from netzoo.data.faults import is_of_the_machine
from netzoo.tasks.letterbox import Letterbox
from netzoo.training.augmenting.augment import Augmenter
from netzoo.training.augmenting.placing import Sample
from netzoo.training.augmenting.settings import Augmentation
from netzoo.training.class_masks import Bytes, label_bytes
from netzoo.training.loading.arrays import Arrays
from netzoo.training.loading.draws import Draw, Stream, changes_at, image_at, random_of
from netzoo.training.loading.joint import mixed
from netzoo.training.loading.unreadable import (
    MOST_IN_SUCCESSION,
    Unreadable,
    too_many,
)
from netzoo.training.settings import TrainingSettings
from sizewise.core.errors import InputError
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

    def instead_of(self, chosen: Chosen, place: int) -> Iterator[Chosen]:
        """All others of its kind, in an order that the place decides: so each comes as often as
        any other in the place of one that can't be read."""
        rng = random_of(self.seed, Stream.INSTEAD, place, chosen.number)
        for number in rng.permutation(len(self._of(whole=chosen.whole))).tolist():
            if number != chosen.number:
                yield Chosen(whole=chosen.whole, number=number)

    def __getitem__(self, chosen: Chosen) -> TrainingImage:
        return self._of(whole=chosen.whole)[chosen.number]

    def _chosen(self, place: int, *, whole: bool) -> Chosen:
        stream, count = Stream.WHOLE if whole else Stream.BOXED, len(self._of(whole=whole))
        return Chosen(whole=whole, number=image_at(place, count, stream=stream, seed=self.seed))

    def _of(self, *, whole: bool) -> Sequence[TrainingImage]:
        return (self.whole or ()) if whole else self.boxed


class _Read(NamedTuple):
    """An image, and what is in it."""

    image: TrainingImage
    sample: Sample


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
    decoded pictures.

    Another image stands in the place of one that can't be read (``Arrays.skipped``). Which one,
    the seed, the place and the files decide: it is the same in every process and at any time."""

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
        self._unreadable: dict[Chosen, Unreadable] = {}

    def __call__(self, draw: Draw) -> Arrays:
        """Raises InputError where no image can be read for a place."""
        changes = changes_at(draw.step, self._settings)
        skipped: dict[Unreadable, None] = {}
        images, samples = [], []
        for place in draw.places:
            read = self._read(self._images.at(place), place, skipped)
            images.append(read.image)
            samples.append(
                self._changed(read, place, draw.size, changes, skipped)
                if changes
                else self._fitted(read.sample, draw.size)
            )
        found = replace(_arrays(draw.size, images, samples), skipped=tuple(skipped))
        if self._channels is None or found.masks is None:
            return found
        return replace(found, masks=self._channels[found.masks])

    def _read(self, chosen: Chosen, place: int, skipped: dict[Unreadable, None]) -> _Read:
        """An image or, where it can't be read, another one: those that can't be are ``skipped``.
        Raises InputError where too many can't be."""
        tried: list[Unreadable] = []
        others = self._images.instead_of(chosen, place)
        for one in islice(chain((chosen,), others), MOST_IN_SUCCESSION):
            if one not in self._unreadable:
                found = self._attempt(one)
                if isinstance(found, _Read):
                    skipped |= dict.fromkeys(tried)
                    return found
                self._unreadable[one] = found
            tried.append(self._unreadable[one])
        raise too_many(tried[0])

    def _attempt(self, chosen: Chosen) -> _Read | Unreadable:
        image = self._images[chosen]
        kind: Literal["label", "picture"] = "label"
        try:
            mask = self._mask(chosen, image)
            kind = "picture"
            picture = self._decoded.read(chosen, image.read)
        except InputError as error:
            if is_of_the_machine(error):
                raise
            return Unreadable.of(kind, image.path, error)
        boxes, labels = np.empty((0, 4), np.float32), np.empty(0, np.int64)
        if isinstance(image, AnnotatedImage):
            boxes, labels = image.boxes, image.labels
        return _Read(image, Sample(picture=picture, boxes=boxes, labels=labels, mask=mask))

    def _mask(self, chosen: Chosen, image: TrainingImage) -> NDArray[np.uint8] | None:
        if not (self._masks and isinstance(image, AnnotatedImage)):
            return None
        decode = image.mask if self._channels is None else partial(label_bytes, image)
        return self._decoded.read((chosen, "mask"), decode)

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
        self,
        read: _Read,
        place: int,
        size: Size,
        changes: Augmentation,
        skipped: dict[Unreadable, None],
    ) -> Sample:
        if isinstance(read.image, ClassifiedImage):
            changes = changes.without_others
        augment = Augmenter(
            size=size,
            settings=changes,
            others=lambda rng: self._read(self._images.other(rng), place, skipped).sample,
            keep_shape=self._keep_shape,
        )
        rng = random_of(self._settings.seed, Stream.CHANGES, place)
        return augment(read.sample, rng)


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
