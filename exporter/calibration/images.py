"""The calibration samples: pictures of a folder or of a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netzoo.data.coco.folders import find_json
from netzoo.data.faults import STOP, Faults
from netzoo.data.pictures.decoding import SUFFIXES, decode_picture
from netzoo.data.reading import reading
from netzoo.data.sources import datasets, is_dataset, open_dataset
from netzoo.data.sufficiency import demand_pictures, naming_first
from sizewise.core.errors import InputError, UsageError
from sizewise.core.progress import SILENT, Progress, Reporter

_TRAINING = ("train", "training", "train20[0-9][0-9]")
_OTHERS = ("val", "valid", "validation", "val20[0-9][0-9]", "test", "test20[0-9][0-9]")
"""What folders of pictures for training are called, and those of others beside them."""
_MASKS = {
    "masks": "images",
    "annotations": "images",
    "ann_dir": "img_dir",
    "SegmentationClass": "JPEGImages",
    "SegmentationObject": "JPEGImages",
}
"""Folders of masks, which are PNG as pictures are, and those of the pictures beside them."""


@dataclass(frozen=True, kw_only=True)
class CalibrationImage:
    """A picture, decoded only when it is needed."""

    path: Path

    def read(self) -> NDArray[np.uint8]:
        """The upright picture, RGB [H, W, 3]. Raises InputError where it can't be decoded."""
        return decode_picture(self.path)


@dataclass(frozen=True, kw_only=True)
class CalibrationSet:
    """One or more pictures, not all of a single colour.

    ``sha256`` is the hash of the decoded pixels in their order; names and folders of the files
    leave it unchanged.
    """

    name: str
    sha256: str
    images: tuple[CalibrationImage, ...]


def read_calibration(
    source: str,
    *,
    limit: int = 128,
    images: Path | None = None,
    progress: Reporter = SILENT,
    faults: Faults = STOP,
) -> CalibrationSet:
    """Read up to ``limit`` pictures of ``source``, evenly spaced.

    ``source`` is a folder of pictures, searched with its subfolders (links to folders and folders
    of masks are skipped), or a data set that ``open_dataset`` takes, of which the training pictures
    are used: those of its annotations lie in ``images``, where that is given. Of a folder with the
    subfolders ``train`` and ``val``, too, only the former is searched: what calibrates an engine
    must not measure it.
    Raises UsageError for a ``limit`` below 1, and InputError where there is no ``source``, where a
    picture can't be decoded or where all are of one colour. ``faults`` may skip pictures and labels
    instead, unless that is most of them: other pictures then take their places, as far as there are
    some. So as many as are taken here are found again by that number as the ``limit``.
    """
    demand_source(source, limit)
    with naming_first(faults):
        name, paths = _find(source, images, progress, faults)
    images_of = tuple(CalibrationImage(path=path) for path in paths)
    broken: set[int] = set()
    while True:
        places = _spread(len(paths), limit, broken)
        demand_pictures(name, faults.found, len(places))
        taken = tuple(images_of[place] for place in places)
        unread, sha256 = _hash_pixels(name, taken, progress, faults)
        if not unread:
            return CalibrationSet(name=name, sha256=sha256, images=taken)
        broken |= {places[one] for one in unread}


def demand_source(source: str, limit: int) -> None:
    """Raises InputError where ``source`` does not exist, before any picture is read, and UsageError
    for a ``limit`` below 1."""
    if limit < 1:
        raise UsageError(
            f"The model can't be calibrated on {limit} pictures",
            "at least one is needed",
            "Give 1 or more; 128 are usually enough.",
        )
    with reading(Path(source)):
        if source in datasets() or Path(source).is_file() or Path(source).is_dir():
            return
    raise InputError(
        f"Calibration pictures not found: {source}",
        f"there is no such folder or file, and the data sets are {', '.join(sorted(datasets()))}",
        "Give a folder of pictures, a COCO JSON file, or the name of a data set.",
    )


def _find(
    source: str, images: Path | None, progress: Reporter, faults: Faults
) -> tuple[str, Sequence[Path]]:
    """The name of ``source``, and all its pictures. A folder of pictures and a built-in data set
    need no folder beside them."""
    path = Path(source)
    with reading(path):
        known, is_file = source in datasets(), path.is_file()
    if known or is_file or is_dataset(path):
        of_json = not known and (is_file or find_json(path, "train") is not None)
        folder = images if of_json else None
        data = open_dataset(source, "train", images=folder, progress=progress, faults=faults)
        return data.name, [image.path for image in data.images]
    with reading(path):
        found = sorted(_of_training(path))
    if not found:
        raise InputError(
            f"There are no pictures in {path}",
            f"no file in it or its subfolders ends in {', '.join(SUFFIXES)}",
            "Give a folder that has some.",
        )
    return path.resolve().name, found


def _of_training(folder: Path) -> Iterator[Path]:
    """The pictures of ``folder``: those for training, where it keeps others apart from them."""
    for home in (folder, folder / "images"):
        training = _folders(home, _TRAINING)
        if training and _folders(home, _OTHERS):
            return chain.from_iterable(map(_pictures_in, training))
    return _pictures_in(folder)


def _folders(home: Path, names: Sequence[str]) -> list[Path]:
    return [path for name in names for path in home.glob(name) if path.is_dir()]


def _pictures_in(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or _is_of_masks(path):
            continue
        if path.is_dir():
            if not path.is_symlink():  # a link may lead back to a folder above
                yield from _pictures_in(path)
        elif path.suffix.lower() in SUFFIXES:
            yield path


def _is_of_masks(path: Path) -> bool:
    beside = _MASKS.get(path.name)
    return beside is not None and path.with_name(beside).is_dir()


def _spread(count: int, limit: int, broken: Collection[int]) -> list[int]:
    """Up to ``limit`` of so many places, evenly spaced; others stand for the ``broken`` ones."""
    first = _evenly(range(count), limit)
    kept = [place for place in first if place not in broken]
    others = sorted(set(range(count)) - set(first) - set(broken))
    return sorted((*kept, *_evenly(others, len(first) - len(kept))))


def _evenly(places: Sequence[int], limit: int) -> Sequence[int]:
    if len(places) <= limit:
        return places
    return [places[turn * len(places) // limit] for turn in range(limit)]


def _hash_pixels(
    name: str, images: Sequence[CalibrationImage], progress: Progress, faults: Faults
) -> tuple[list[int], str]:
    """The places of pictures that can't be read, and the hash of all pixels. Raises InputError
    where every picture is of one colour."""
    digest, anything, unread = hashlib.sha256(), False, list[int]()
    with progress.stage("Reading pictures", len(images)) as stage:
        for place, image in enumerate(images):
            pixels = faults.attempt("picture", image.read)
            stage.advance()
            if pixels is None:
                unread.append(place)
                continue
            digest.update(f"{pixels.shape}".encode())
            digest.update(pixels.tobytes())
            anything |= bool((pixels != pixels[0, 0]).any())
    if not anything and not unread:
        raise InputError(
            f"The model can't be calibrated on {name}",
            f"each of its {len(images)} pictures is a single colour",
            "Give pictures like those that the network is meant for.",
        )
    return unread, digest.hexdigest()
