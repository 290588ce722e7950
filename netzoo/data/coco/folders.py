"""Where data sets keep their COCO JSON files and pictures, as published and as tools write them."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from netzoo.data.reading import reading
from sizewise.core.errors import InputError
from sizewise.core.files import read_file
from sizewise.core.options.limits import ANNOTATION_BYTES

Split = Literal["train", "val"]

_SPLITS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "Train"),
    "val": ("val", "valid", "validation", "Validation"),
}
"""What folders call them: Roboflow says valid, CVAT Train and Validation."""
_FILES = (
    "{split}.json",
    "annotations/{split}.json",
    "annotations/instances_{split}.json",
    "annotations/instances_{split}20[0-9][0-9].json",  # COCO
    "{split}/_annotations.coco.json",  # Roboflow
)
_LENT = {"test-dev": "test", "minival": "val", "valminusminival": "val"}
"""Splits of COCO without pictures of their own, and those that have them."""
_WITHOUT_SPLITS = (
    "annotations/instances_default.json",  # CVAT
    "result.json",  # Label Studio
    "_annotations.coco.json",  # one folder of Roboflow's
)


def find_json(folder: Path, split: Split) -> Path | None:
    """The COCO JSON of ``split`` in ``folder``: train.json or val.json, or as COCO (2014, 2017),
    Roboflow, CVAT and Label Studio name it; None where there is none. Raises InputError where
    there are several."""
    with reading(folder):
        patterns = [p.format(split=name) for p in _FILES for name in _SPLITS[split]]
        for pattern in (*patterns, *_WITHOUT_SPLITS):
            found = sorted(folder.glob(pattern))
            if len(found) > 1:
                raise InputError(
                    f"The folder {folder} has several sets of {split} data",
                    ", ".join(path.name for path in found),
                    "Give one of these files.",
                )
            if found:
                return found[0]
    return None


def only_json(folder: Path) -> Path | None:
    """The one file of a folder that is a COCO JSON, whatever it is called; None where there is
    none, or several."""
    with reading(folder):
        places = (
            path for pattern in ("*.json", "annotations/*.json") for path in folder.glob(pattern)
        )
        found = [path for path in places if _is_coco(path)]
    return found[0] if len(found) == 1 else None


class _Lists(msgspec.Struct):
    images: msgspec.Raw
    categories: msgspec.Raw


def _is_coco(path: Path) -> bool:
    """Whether a file says that it is one; what is in it, its reader checks."""
    try:
        content = read_file(path, ANNOTATION_BYTES)
        msgspec.json.decode(content.removeprefix(codecs.BOM_UTF8), type=_Lists)
    except (OSError, InputError, msgspec.DecodeError, RecursionError):
        return False
    return True


def is_of_both(folder: Path, found: Path) -> bool:
    """Whether ``found`` in ``folder`` is there for training and validation alike: some tools write
    all into one file."""
    return found.relative_to(folder).as_posix() in _WITHOUT_SPLITS


def no_data(folder: Path, split: Split) -> InputError:
    """The error of a ``folder`` without data of ``split``."""
    with reading(folder):
        others = ", ".join(sorted(str(p.relative_to(folder)) for p in folder.rglob("*.json"))[:5])
    return InputError(
        f"The folder {folder} has no {split} data",
        f"{split}.json is missing; there is {others or 'no JSON at all'}",
        "Name the COCO JSON files train.json and val.json, or give one of them; Pascal VOC has "
        f"Annotations and ImageSets/Main/{split}.txt, YOLO a data.yaml, and masks lie in "
        f"{split}/masks, beside their pictures in {split}/images.",
    )


def picture_folders(json_path: Path, named: Path | None = None) -> Iterator[Path]:
    """Where the pictures of a COCO JSON may lie, the likeliest first: in ``named``, where a user
    names a folder, or in one of its split within that. Without it, beside the JSON, in images/
    beside it or, for one in annotations/, in the folders that COCO and CVAT have beside that."""
    beside = json_path.parent
    splits = _splits(json_path)
    if named is not None:
        yield from (named, named / "images", *(named / split for split in splits))
        return
    yield from (beside, beside / "images")
    if beside.name == "annotations":
        home = beside.parent
        yield from (home / name for split in splits for name in (split, f"images/{split}"))
        yield from (home / name for name in ("images", "data", ""))
    yield from (beside / split for split in splits)


def _splits(json_path: Path) -> tuple[str, ...]:
    """What the pictures' folder may be called, as the JSON's name ends."""
    split = json_path.stem.rpartition("_")[2]
    name, year = split[:-4], split[-4:]
    return (split, f"{_LENT[name]}{year}") if name in _LENT else (split,)
