"""A look at every picture of one part of a data set: what is there, is skipped, and is doubtful."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from netzoo.data.checking.doubts import Doubt, doubts_of_boxes, doubts_of_picture
from netzoo.data.classified import ClassifiedImage, ClassifiedSet
from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.data.faults import Fault, Faults
from netzoo.data.reading import reading
from sizewise.core.files import open_file
from sizewise.core.progress import Stage

Data = Dataset | ClassifiedSet
Image = AnnotatedImage | ClassifiedImage
AREAS: Mapping[str, float] = {"small": 32.0**2, "medium": 96.0**2, "large": np.inf}
"""COCO's ranges of areas, by the pixels at which each ends."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What is in the pictures that can be used.

    ``objects`` leaves ``crowds`` out; both are 0 where no boxes are annotated. ``classes`` counts
    the objects of each class, or else the pictures that show it. ``sizes`` (height x width) and
    ``areas`` (``AREAS``) count pictures and objects.
    """

    pictures: int = 0
    objects: int = 0
    crowds: int = 0
    without_objects: int = 0
    classes: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    areas: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One part of a data set. ``data`` has the images that can be used, ``hashes`` the paths of
    their files by what is in them."""

    split: str
    name: str
    counts: Counts
    skipped: tuple[Fault, ...]
    doubtful: tuple[Doubt, ...]
    remarks: tuple[str, ...]
    data: Data
    hashes: Mapping[str, Path]

    @property
    def kind(self) -> Literal["boxes", "masks", "classes"]:
        """What is annotated."""
        if isinstance(self.data, ClassifiedSet):
            return "classes"
        masks = any(image.mask_file for image in self.data.images)
        return "masks" if masks else "boxes"


def check_part(split: str, data: Data, faults: Faults, stage: Stage) -> Part:
    """Look at every picture of ``data``, which was read with ``faults``. Raises InputError where it
    stops at them."""
    looked = _Looked(data)
    for image in data.images:
        looked.at(image, faults)
        stage.advance()
    return Part(
        split=split,
        name=data.name,
        counts=looked.counts(),
        skipped=tuple(faults.found),
        doubtful=tuple(looked.doubts),
        remarks=data.remarks if isinstance(data, Dataset) else (),
        data=replace(data, images=tuple(looked.images)),  # type: ignore[arg-type]
        hashes=looked.hashes,
    )


def in_both(parts: Sequence[Part]) -> tuple[Part, ...]:
    """``parts`` with a doubt for each picture of a later one that is in an earlier one as well: a
    network would be validated on what it was trained on."""
    seen: dict[str, Path] = {}
    found: list[Part] = []
    for part in parts:
        doubts = [
            Doubt(kind="in_both", what=str(path), why=f"it is the same picture as {seen[digest]}")
            for digest, path in part.hashes.items()
            if digest in seen
        ]
        seen |= part.hashes
        found.append(replace(part, doubtful=(*part.doubtful, *doubts)))
    return tuple(found)


class _Looked:
    """What was seen so far."""

    def __init__(self, data: Data) -> None:
        self._classes = data.classes
        self.images: list[Image] = []
        self.doubts: list[Doubt] = []
        self.hashes: dict[str, Path] = {}
        self._labels: Counter[int] = Counter()
        self._sizes: Counter[str] = Counter()
        self._areas: list[float] = []
        self._crowds = self._without = 0

    def at(self, image: Image, faults: Faults) -> None:
        pixels = faults.attempt("picture", image.read)
        self.doubts += doubts_of_picture(image.path)
        digest = faults.attempt("picture", partial(_hash, image.path))
        if pixels is None or digest is None or not self._take(image, faults):
            return
        self.images.append(image)
        self.hashes.setdefault(digest, image.path)
        height, width = pixels.shape[:2]
        self._sizes[f"{height}x{width}"] += 1

    def _take(self, image: Image, faults: Faults) -> bool:
        """Count what is in a picture; False where its mask can't be read."""
        if isinstance(image, ClassifiedImage):
            self._labels[image.label] += 1
            return True
        if image.mask_file:
            return self._take_mask(image, faults)
        self.doubts += doubts_of_boxes(image, self._classes)
        self._labels.update(image.labels.tolist())
        self._areas += _areas(image)
        self._crowds += len(image.crowd_boxes)
        self._without += not len(image.boxes)
        return True

    def _take_mask(self, image: AnnotatedImage, faults: Faults) -> bool:
        labels = faults.attempt("label", image.label_map)
        if labels is None:
            return False
        shown = [int(label) - 1 for label in np.unique(labels) if label > 0]
        self._labels.update(shown)
        self._without += not shown
        if not shown:
            why = "its mask shows no object"
            self.doubts.append(Doubt(kind="empty_mask", what=str(image.path), why=why))
        return True

    def counts(self) -> Counts:
        return Counts(
            pictures=len(self.images),
            objects=len(self._areas),
            crowds=self._crowds,
            without_objects=self._without,
            classes={name: self._labels[label] for label, name in enumerate(self._classes)},
            sizes=dict(self._sizes.most_common()),
            areas=_by_range(self._areas) if self._areas else {},
        )


def _areas(image: AnnotatedImage) -> list[float]:
    """Of its objects: as their annotations say, or of the boxes."""
    count = len(image.boxes)
    of_boxes: list[float] = (image.boxes[:, 2:] - image.boxes[:, :2]).prod(1).tolist()
    return list(image.areas[:count]) if image.areas else of_boxes


def _by_range(areas: Iterable[float]) -> dict[str, int]:
    ends = list(AREAS.values())
    places = np.searchsorted(ends, list(areas), side="right")
    found = np.bincount(places, minlength=len(ends)).tolist()
    return dict(zip(AREAS, found, strict=True))


def _hash(path: Path) -> str:
    with reading(path), open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
