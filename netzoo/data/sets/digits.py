"""Handwritten digits on photographs: a small detection data set that is made on the spot.

The digits are scikit-learn's 1,797 (UCI, "Optical Recognition of Handwritten Digits"), 10–96
pixels large; the photographs are those inside the wheels of scikit-learn and scikit-image. Training
and validation share neither a handwritten sample nor a photograph. Each image and annotation of
the COCO JSON says in ``source`` what it was made from.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netzoo.data.cache import obtain
from netzoo.data.coco.dataset import Dataset, read_coco
from netzoo.data.coco.folders import Split
from netzoo.data.coco.format import (
    CocoAnnotation,
    CocoCategory,
    CocoFile,
    CocoImage,
    save_coco_json,
)
from netzoo.data.coco.segments import encode_mask
from netzoo.data.sets import _composition, _glyphs, _photographs
from netzoo.data.sources import DatasetEntry
from sizewise.core.errors import InputError
from sizewise.core.files import read_file
from sizewise.core.options.limits import TEXT_BYTES
from sizewise.core.progress import SILENT, Progress

COUNTS: Mapping[Split, int] = {"train": 1200, "val": 400}
_PACKAGES = ("sklearn", "skimage")
_SUMS = "sums.json"
_LIBRARIES = ("scikit-learn", "scikit-image", "pillow", "numpy")
"""Their versions decide what the pictures are."""
_GENERATOR = 1
"""Raise it with every change here, or in what this draws on, that makes other data. What the data
are is held by a test, which then wants new sums."""
_NAMED_BEFORE = {
    "generator 1, seed 0, scikit-learn 1.9.1, scikit-image 0.26.0, pillow 13.0.0, numpy 2.4.6": (
        "078258ae0068f22e"
    ),
}
"""Recipes of data that lie in caches under another name: it was a hash of this code's own text."""


def open_digits(split: Split, progress: Progress = SILENT, *, seed: int = 0) -> Dataset:
    """Made at the first call, then read from the cache.

    Raises InputError where scikit-learn or scikit-image is missing, OutputError where the cache
    can't be written.
    """
    return obtain(
        f"digits-{_recipe(seed)}",
        make=lambda folder: make_digits(folder, COUNTS, seed=seed, progress=progress),
        read=lambda folder: _read_whole(folder, split),
    )


def make_digits(
    folder: Path, counts: Mapping[Split, int], *, seed: int, progress: Progress = SILENT
) -> None:
    """Fill ``folder`` with ``train.json``, ``val.json`` and ``images/``. The same seed gives the
    same bytes (with the same versions of the libraries, see :func:`_recipe`).
    """
    (folder / "images").mkdir()
    samples = _glyphs.split_samples(np.random.default_rng([seed, 0]))
    sums = {}
    with progress.stage("Making the data set digits", sum(counts.values())) as stage:
        for number, (split, count) in enumerate(counts.items(), start=1):
            rng = np.random.default_rng([seed, number])
            maker = _Maker(folder, split)
            for picture in _pictures(split, samples[split], rng, count):
                maker.add(*picture)
                stage.advance()
            maker.close()
            sums[split] = _read(folder, split).sha256
    (folder / _SUMS).write_bytes(msgspec.json.encode(sums))


def _pictures(
    split: Split, samples: Sequence[_glyphs.Sample], rng: np.random.Generator, count: int
) -> Iterator[tuple[_composition.Picture, str]]:
    """Each picture with the name of its photograph."""
    names = _photographs.PHOTOGRAPHS[split]
    photographs = {name: _photographs.open_photograph(name) for name in names}
    for _ in range(count):
        name = names[rng.integers(len(names))]
        yield _composition.compose(photographs[name], samples, rng), name


class _Maker:
    """One split as it grows."""

    def __init__(self, folder: Path, split: Split) -> None:
        self._folder = folder
        self._split = split
        self._images: list[CocoImage] = []
        self._annotations: list[CocoAnnotation] = []

    def add(self, picture: _composition.Picture, photograph: str) -> None:
        number = len(self._images) + 1
        name = f"images/{self._split}-{number:05}.jpg"
        _save(picture.pixels, self._folder / name)
        height, width = picture.pixels.shape[:2]
        self._images.append(
            CocoImage(id=number, file_name=name, height=height, width=width, source=photograph)
        )
        for placed in picture.placed:
            self._annotations.append(_annotation(placed, number, len(self._annotations) + 1))

    def close(self) -> None:
        categories = [CocoCategory(id=digit + 1, name=str(digit)) for digit in range(10)]
        file = CocoFile(images=self._images, annotations=self._annotations, categories=categories)
        save_coco_json(file, self._folder / f"{self._split}.json")


def _annotation(placed: _composition.Placed, image: int, number: int) -> CocoAnnotation:
    x, y, width, height = _composition.box_of(placed.mask)
    return CocoAnnotation(
        id=number,
        image_id=image,
        category_id=placed.sample.digit + 1,
        bbox=(float(x), float(y), float(width), float(height)),
        area=float(placed.mask.sum()),
        segmentation=encode_mask(placed.mask),
        source=f"load_digits {placed.sample.index}",
    )


def _save(pixels: NDArray[np.uint8], path: Path) -> None:
    # JPEG: a third of PNG's bytes and twice as fast to read; 4:4:4, as small digits have colour.
    Image.fromarray(pixels).save(path, quality=92, subsampling=0)


def _read(folder: Path, split: Split) -> Dataset:
    return read_coco(folder / f"{split}.json", folder, name=f"digits {split}")


def _read_whole(folder: Path, split: Split) -> Dataset:
    """Raises InputError where ``split`` is not as it was made."""
    try:
        sums = msgspec.json.decode(read_file(folder / _SUMS, TEXT_BYTES), type=dict[str, str])
    except (OSError, msgspec.DecodeError) as error:
        raise _broken(folder, str(error)) from error
    dataset = _read(folder, split)
    if dataset.sha256 != sums.get(split):
        raise _broken(folder, "its hash is not the one that was noted")
    return dataset


def _broken(folder: Path, why: str) -> InputError:
    return InputError(f"The data set in {folder} is not whole", why, "Delete it.")


def _recipe(seed: int) -> str:
    """A hash of all that decides the bytes: the generator, the libraries' versions and the seed."""
    for package in _PACKAGES:
        _photographs.package_folder(package)
    versions = (f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES)
    told = ", ".join((f"generator {_GENERATOR}", f"seed {seed}", *versions))
    return _NAMED_BEFORE.get(told) or hashlib.sha256(told.encode()).hexdigest()[:16]


DATASETS = (
    DatasetEntry(
        name="digits",
        description="handwritten digits on photographs, 320x320, made in seconds",
        open=open_digits,
        packages=_PACKAGES,
        extra="digits",
    ),
)
