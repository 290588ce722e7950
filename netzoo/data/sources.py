"""Data sets as users name them: by a registered name, a COCO JSON or a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from netzoo.data.boxes.voc import has_voc, open_voc
from netzoo.data.boxes.yolo import SUFFIX as YAML_SUFFIXES
from netzoo.data.boxes.yolo import has_yolo, open_yolo, open_yolo_file, yaml_splits
from netzoo.data.coco.dataset import Dataset, read_coco
from netzoo.data.coco.folders import Split, find_json, is_of_both, no_data, only_json
from netzoo.data.faults import STOP, Faults
from netzoo.data.masks.folders import has_masks, open_mask_folder
from netzoo.data.reading import reading
from sizewise.core.discover import Registry
from sizewise.core.errors import InputError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Progress, Reporter

_SPLITS: tuple[Split, ...] = ("train", "val")


@dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """A data set that is known by name; the modules of ``netzoo.data.sets`` list theirs.

    ``packages`` are what it needs importable, ``extra`` the extra of sizewise that brings them.
    """

    name: str
    description: str
    open: Callable[[Split, Progress], Dataset]
    packages: tuple[str, ...] = ()
    extra: str = ""


_DATASETS: Registry[DatasetEntry] = Registry("data set", "netzoo.data.sets", "DATASETS")

datasets = _DATASETS.all
"""Those that are registered, by name."""


def open_dataset(
    source: str,
    split: Split,
    *,
    images: Path | None = None,
    progress: Reporter = SILENT,
    boxes: bool = False,
    faults: Faults = STOP,
) -> Dataset:
    """Open a registered name, a COCO JSON (whatever the split), a data.yaml of YOLO, or a folder as
    data sets come in (:mod:`netzoo.data.coco.folders`, :mod:`netzoo.data.masks.folders`,
    :mod:`netzoo.data.boxes`). What was left out is remarked on.

    Of a folder with masks and boxes, as VOC's, ``boxes`` takes these. ``images`` is the folder of
    the pictures, where annotations lie elsewhere. Raises UsageError
    where ``source`` brings its pictures; InputError where it is none of these, or can't be used.
    ``faults`` may skip parts that can't be used instead.
    """
    data = _open(_Where(source, split, images), progress, faults, boxes=boxes)
    for remark in data.remarks:
        progress.remark(f"{data.name}: {remark}")
    return data


def refuse_folder(source: str, images: Path | None) -> None:
    """Raises UsageError where a folder of pictures is named beside data that bring theirs."""
    if images is not None:
        raise UsageError(
            f"{spelled('images')} can't be given for {source}",
            "these data bring their pictures; the option is for a file of annotations whose "
            "pictures lie elsewhere",
            "Leave it out, or give a COCO JSON.",
        )


def is_dataset(folder: Path) -> bool:
    """Whether ``folder`` is a data set, of either split: one with annotations or masks, and more
    than pictures. Raises InputError where it has several of one split."""
    return any(_has(folder, split) for split in _SPLITS)


def _has(folder: Path, split: Split) -> bool:
    return bool(
        find_json(folder, split)
        or has_masks(folder, split)
        or has_voc(folder, split)
        or has_yolo(folder, split)
    )


def splits_of(source: str) -> tuple[Split, ...]:
    """The parts that a source has; the first alone where both are the same file. Raises InputError
    where there is no such source."""
    demand_source(source)
    path = Path(source)
    if source in datasets():
        return _SPLITS
    if path.is_file():
        return yaml_splits(path) if path.suffix.lower() in YAML_SUFFIXES else _SPLITS[:1]
    found = tuple(split for split in _SPLITS if _has(path, split))
    if not found:
        return _SPLITS[:1] if only_json(path) else ()
    files = [find_json(path, split) for split in found]
    return found[:1] if len(files) == 2 and files[0] == files[1] is not None else found


def demand_source(source: str) -> None:
    """Raises InputError where ``source`` is no registered name, and nothing has this path."""
    known, path = datasets(), Path(source)
    with reading(path):
        is_there = path.is_file() or path.is_dir()
    if source not in known and not is_there:
        raise InputError(
            f"There is no data set {source!r}",
            f"no file or folder has this path, and the built-in data sets are: "
            f"{', '.join(sorted(known))}",
            "Give a data set's name, a COCO JSON file, a data.yaml, or a folder in the layout of "
            "COCO, Pascal VOC or YOLO, or with masks.",
        )


class _Where(NamedTuple):
    """A part of a source, and the folder of its pictures where a user names it."""

    source: str
    split: Split
    images: Path | None


def _open(where: _Where, progress: Progress, faults: Faults, *, boxes: bool) -> Dataset:
    source, split, images = where
    if entry := datasets().get(source):
        refuse_folder(source, images)
        return entry.open(split, progress)
    demand_source(source)
    path = Path(source)
    if not path.is_file():
        return _open_folder(path, where, faults, boxes=boxes)
    if path.suffix.lower() not in YAML_SUFFIXES:
        return read_coco(path, images, faults=faults)
    refuse_folder(source, images)
    return open_yolo_file(path, split, faults)


def _open_folder(folder: Path, where: _Where, faults: Faults, *, boxes: bool) -> Dataset:
    _, split, images = where
    if (json_path := find_json(folder, split)) is not None:
        data = _open_json(json_path, where, faults)
        return _of_both(data, json_path) if is_of_both(folder, json_path) else data
    readers = (open_mask_folder, open_voc, open_yolo)
    for read in sorted(readers, key=lambda reader: boxes and reader is open_mask_folder):
        if (found := read(folder, split, faults)) is not None:
            refuse_folder(str(folder), images)
            return found
    if (json_path := _lonely(folder)) is not None:
        return _of_both(_open_json(json_path, where, faults), json_path)
    raise no_data(folder, split)


def _open_json(path: Path, where: _Where, faults: Faults) -> Dataset:
    """A COCO JSON of a folder."""
    name = f"{Path(where.source).resolve().name} {where.split}"
    return read_coco(path, where.images, name=name, faults=faults)


def _lonely(folder: Path) -> Path | None:
    """The COCO JSON of a folder that has nothing else of either split."""
    return None if is_dataset(folder) else only_json(folder)


def _of_both(data: Dataset, json_path: Path) -> Dataset:
    """``data`` with a remark on the one file of all its pictures."""
    said = (
        f"{json_path.name} has all pictures, for training and for validation: a model that was "
        "trained on them is measured on what it has seen."
    )
    return replace(data, remarks=(*data.remarks, said))
