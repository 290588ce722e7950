"""Data sets of pictures with a mask each, in two folders whose files have the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from netzoo.data.class_names import read_lines, read_names
from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.data.coco.folders import Split
from netzoo.data.faults import STOP, FaultKind, Faults
from netzoo.data.fingerprint import described
from netzoo.data.masks.index import NAMES_FILE, IndexMask, labels_of_values, size_of
from netzoo.data.masks.label_maps import is_background
from netzoo.data.pictures.decoding import SUFFIXES
from netzoo.data.reading import reading
from sizewise.core.errors import InputError
from sizewise.core.files import demand_text

_SPLITS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
}
_FOLDERS = (
    ("{split}/images", "{split}/masks"),
    ("images/{split}", "masks/{split}"),
    ("images/{split}", "annotations/{split}"),  # ADE20K
    ("img_dir/{split}", "ann_dir/{split}"),  # MMSegmentation
)
"""Where pictures lie, and their masks."""
_VOC = ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation/{split}.txt")
_MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff")
_OBJECT = "object"


@dataclass(frozen=True)
class _Place:
    """Where pictures and their masks lie; ``listed`` is a file that names those of the split."""

    pictures: Path
    masks: Path
    listed: Path | None = None


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    """A picture and a mask for each name, and what was left out in words."""

    paths: Mapping[str, tuple[Path, Path]]
    remarks: tuple[str, ...] = ()


def open_mask_folder(folder: Path, split: Split, faults: Faults = STOP) -> Dataset | None:
    """The pictures of ``split`` in ``folder`` with their masks; None where it has no such folders.

    ``classes.txt`` in it names the values of the masks, one a line from 0. Raises InputError where
    a picture has no mask, or a file can't be used; ``faults`` may skip these pictures instead.
    """
    with reading(folder):
        pairs = _find(folder, split, faults)
        if pairs is None:
            return None
        names_file = folder / NAMES_FILE
        names = read_names(names_file) if names_file.is_file() else ()
    classes, labels = labels_of_values(names)
    read = (
        faults.attempt("label", partial(_image, n, picture, IndexMask(path=mask, labels=labels)))
        for n, (picture, mask) in enumerate(pairs.paths.values(), start=1)
    )
    images = tuple(image for image in read if image)
    files = [path for pair in pairs.paths.values() for path in pair]
    demand_text(*files)
    return Dataset(
        name=f"{folder.resolve().name} {split}",
        classes=classes or (_OBJECT,),
        category_ids=tuple(range(1, max(len(classes), 1) + 1)),
        images=images,
        sha256=described(msgspec.json.encode((names, list(pairs.paths))), files),
        remarks=pairs.remarks,
        background=not names or any(map(is_background, names)),
    )


def has_masks(folder: Path, split: Split) -> bool:
    """Whether ``folder`` keeps pictures and masks of ``split``; none of them is looked at."""
    with reading(folder):
        return _place(folder, split) is not None


def _find(folder: Path, split: Split, faults: Faults) -> _Pairs | None:
    place = _place(folder, split)
    if place is None:
        return None
    only = read_lines(place.listed) if place.listed else ()
    return _paired(place.pictures, place.masks, only, faults)


def _place(folder: Path, split: Split) -> _Place | None:
    for name in _SPLITS[split]:
        for pictures, masks in _FOLDERS:
            found = (folder / pictures.format(split=name), folder / masks.format(split=name))
            if all(path.is_dir() for path in found):
                return _Place(*found)
        pictures, masks, listed = _VOC
        file = folder / listed.format(split=name)
        if file.is_file() and (folder / pictures).is_dir() and (folder / masks).is_dir():
            return _Place(folder / pictures, folder / masks, file)
    return None


def _paired(pictures: Path, masks: Path, only: tuple[str, ...], faults: Faults) -> _Pairs:
    """Pictures and masks of the same name; those of ``only``, in its order, where it is given."""
    found, known = _files(pictures, SUFFIXES), _files(masks, _MASK_SUFFIXES)
    wanted = only or tuple(found)
    if not wanted:
        raise InputError(
            f"There are no pictures in {pictures}",
            f"none of its files ends in {', '.join(SUFFIXES)}",
            "Put them there, each with a mask of the same name.",
        )
    wanted = _there("picture", wanted, found, pictures, faults)
    wanted = _there("mask", wanted, known, masks, faults)
    alone = [] if only else [name for name in known if name not in found]
    count = "1 mask has" if len(alone) == 1 else f"{len(alone)} masks have"
    return _Pairs(
        paths={name: (found[name], known[name]) for name in wanted},
        remarks=(f"{count} no picture: left out.",) if alone else (),
    )


def _there(
    what: str, wanted: tuple[str, ...], files: Mapping[str, Path], where: Path, faults: Faults
) -> tuple[str, ...]:
    """Those of ``wanted`` that are among ``files``. Raises InputError where some are missing, or
    these are noted."""
    missing = [name for name in wanted if name not in files]
    if missing and faults.stops:
        raise InputError(
            f"{len(missing)} of {len(wanted)} {what}s in {where} are missing",
            f"the first is {missing[0]}",
            "Give a mask for each picture, of the same name (PNG).",
        )
    for name in missing:
        kind: FaultKind = "picture" if what == "picture" else "label"
        faults.note(kind, name, f"its {what} is not in {where}")
    return tuple(name for name in wanted if name in files)


def _files(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """The files with one of ``suffixes``, by their names without it. Raises InputError where two
    have the same."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        if path.stem in found:
            raise InputError(
                f"Two files in {folder} have the name {path.stem}",
                f"{found[path.stem].name} and {path.name}",
                "Leave one of them out.",
            )
        found[path.stem] = path
    return found


def _image(number: int, picture: Path, mask: IndexMask) -> AnnotatedImage:
    height, width = size_of(mask.path)
    nothing, none = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    return AnnotatedImage(
        id=number,
        path=picture,
        height=height,
        width=width,
        boxes=nothing,
        labels=none,
        crowd_boxes=nothing,
        crowd_labels=none,
        segments=(),
        mask_file=mask,
    )
