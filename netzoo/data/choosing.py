"""A fixed choice of some of a data set's images."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TypeVar

from netzoo.data.classified import ClassifiedImage, ClassifiedSet
from netzoo.data.coco.dataset import AnnotatedImage, Dataset

SEED = 0
Data = TypeVar("Data", bound=Dataset | ClassifiedSet)


def chosen(data: Data, count: int) -> Data:
    """``count`` images of ``data`` at random, in their order; all of them for 0, or where there are
    no more.

    The choice hangs on the images' ids alone (their names and classes, where they have none): it is
    the same for every engine and on every machine, whatever the order in the file, and a smaller
    one is part of a larger one.
    """
    if not 0 < count < len(data.images):
        return data
    drawn = [_draw(image) for image in data.images]
    places = sorted(sorted(range(len(drawn)), key=drawn.__getitem__)[:count])
    taken = tuple(data.images[place] for place in places)
    return replace(data, images=taken, chosen=f"{count} of {len(data.images)}")  # type: ignore[arg-type]


def _draw(image: AnnotatedImage | ClassifiedImage) -> bytes:
    """The image's place in a random order that nothing but its id and the seed decide."""
    if isinstance(image, ClassifiedImage):
        known = f"{image.path.name} {image.label} {image.box}"
    else:
        known = str(image.id)
    return hashlib.sha256(f"{SEED} {known}".encode()).digest()
