"""A fixed choice of some of a data set's images."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from netzoo.data.coco import AnnotatedImage, Dataset

SEED = 0


def chosen(data: Dataset, count: int) -> Dataset:
    """``count`` images of ``data`` at random, in their order; all of them for 0, or where there are
    no more.

    The choice hangs on the images' ids alone: it is the same for every engine and on every machine,
    whatever the order in the file, and a smaller one is part of a larger one.
    """
    if not 0 < count < len(data.images):
        return data
    taken = {image.id for image in sorted(data.images, key=_draw)[:count]}
    return replace(
        data,
        images=tuple(image for image in data.images if image.id in taken),
        chosen=f"{count} of {len(data.images)}",
    )


def _draw(image: AnnotatedImage) -> bytes:
    """The image's place in a random order that nothing but its id and the seed decide."""
    return hashlib.sha256(f"{SEED} {image.id}".encode()).digest()
