"""Data sets of classified images: a folder per class, or the boxes of a detection data set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from netzoo.data.coco.dataset import Dataset
from netzoo.data.coco.folders import Split
from netzoo.data.faults import STOP, Faults
from netzoo.data.fingerprint import described
from netzoo.data.pictures.decoding import SUFFIXES, decode_picture
from netzoo.data.pictures.images import can_be_opened, read_picture
from netzoo.data.reading import reading
from netzoo.data.sources import datasets, open_dataset, refuse_folder
from sizewise.core.errors import InputError
from sizewise.core.files import demand_text
from sizewise.core.progress import SILENT, Reporter

SPLITS: tuple[Split, ...] = ("train", "val")


@dataclass(frozen=True, kw_only=True)
class ClassifiedImage:
    """A picture, or the part of it in ``box`` (x0, y0, x1, y1 in its pixels), of one class.

    ``size`` is the height and width that a box was drawn in, where its data say so: it tells
    whether that was in the picture as shown or as stored (``read_picture``).
    """

    path: Path
    label: int
    box: tuple[float, float, float, float] | None = None
    size: tuple[int, int] | None = None

    def read(self) -> NDArray[np.uint8]:
        """RGB [H, W, 3]: all pixels that the box touches.

        Raises InputError where the picture can't be decoded, has another size than its data say, or
        the box lies outside it.
        """
        picture = read_picture(self.path, *self.size) if self.size else decode_picture(self.path)
        return picture if self.box is None else _crop(picture, self.box, self.path)


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassifiedSet:
    """Images of ``classes``: label i is class i. ``sha256`` and ``chosen`` are as a
    :class:`Dataset` has them."""

    name: str
    classes: tuple[str, ...]
    images: tuple[ClassifiedImage, ...]
    sha256: str
    chosen: str = ""


def open_classified(
    source: str,
    split: Split,
    *,
    images: Path | None = None,
    progress: Reporter = SILENT,
    faults: Faults = STOP,
) -> ClassifiedSet:
    """Open a folder that holds ``train/<class>/`` and ``val/<class>/`` with pictures.

    ``source`` may also be whatever ``open_dataset`` takes; its boxes are then the images. Raises
    InputError as that does; ``faults`` may skip pictures that can't be opened, and boxes, instead.
    """
    folder = Path(source)
    with reading(folder):
        by_class = any((folder / name).is_dir() for name in SPLITS)
        boxed = source in datasets() or (folder / f"{split}.json").is_file()
    if by_class and not boxed:
        refuse_folder(source, images)
        return _read_folders(folder, split, faults)
    data = open_dataset(source, split, images=images, progress=progress, faults=faults)
    return crops_of(data)


def crops_of(data: Dataset) -> ClassifiedSet:
    """Each box of ``data`` as an image, except boxes of no width or height."""
    images = tuple(
        ClassifiedImage(
            path=image.path,
            label=int(label),
            box=(x0, y0, x1, y1),
            size=(image.height, image.width),
        )
        for image in data.images
        for (x0, y0, x1, y1), label in zip(image.boxes.tolist(), image.labels, strict=True)
        if x1 > x0 and y1 > y0
    )
    return ClassifiedSet(name=data.name, classes=data.classes, images=images, sha256=data.sha256)


def _read_folders(folder: Path, split: Split, faults: Faults) -> ClassifiedSet:
    """Read one split. The classes are those of both, so that a label means the same in each."""
    with reading(folder):
        classes = sorted({p.name for name in SPLITS for p in _folders(folder / name)})
        images = tuple(
            ClassifiedImage(path=path, label=label)
            for label, name in enumerate(classes)
            for path in _pictures(folder / split / name)
            if _may_be_read(path, faults)
        )
    demand_text(*map(Path, classes), *(image.path for image in images))
    name = f"{folder.resolve().name} {split}"
    if not images:
        raise InputError(
            f"The folder {folder} has no {split} data",
            f"there are no pictures in {split}/<class>/",
            f"Put them there, a folder per class ({', '.join(SUFFIXES)}).",
        )
    paths = [image.path for image in images]
    names = [path.relative_to(folder).as_posix() for path in paths]
    return ClassifiedSet(
        name=name,
        classes=tuple(classes),
        images=images,
        sha256=described(msgspec.json.encode((classes, names)), paths),
    )


def _may_be_read(path: Path, faults: Faults) -> bool:
    """Whether a picture can be opened; where readers stop at faults, who reads it says so."""
    if faults.stops or can_be_opened(path):
        return True
    faults.note("picture", str(path), "it can't be opened")
    return False


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in found if path.is_file())


def _crop(
    picture: NDArray[np.uint8], box: tuple[float, float, float, float], path: Path
) -> NDArray[np.uint8]:
    x0, y0 = (max(0, math.floor(value)) for value in box[:2])
    part = picture[y0 : max(0, math.ceil(box[3])), x0 : max(0, math.ceil(box[2]))]
    if not part.size:
        raise InputError(
            f"There is nothing in the box {box} of {path}",
            f"the picture is {picture.shape[1]} pixels wide and {picture.shape[0]} high",
            "Correct the annotation or leave it out.",
        )
    return part.copy()  # the whole picture need not stay in memory for it
