"""The COCO JSON format, typed (https://cocodataset.org/#format-data, "object detection")."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from netzoo.data.reading import reading
from sizewise.core.errors import InputError
from sizewise.core.files import read_file
from sizewise.core.options.limits import ANNOTATION_BYTES


class Rle(msgspec.Struct, frozen=True):
    """A run-length encoded mask: ``counts`` is COCO's compressed string or the plain runs."""

    size: tuple[int, int]
    counts: str | list[int]


_WHOLE = ("id", "image_id", "category_id", "height", "width", "iscrowd")
"""The fields of pictures, annotations and categories that are whole numbers."""
_EXACT = 2**53
"""Of larger numbers, a float is not each one."""

Segmentation = list[list[float]] | Rle
"""Polygons (x, y, x, y, …) or one run-length encoded mask."""


class CocoImage(msgspec.Struct, frozen=True, kw_only=True):
    """One picture. ``source`` is a field of ours: what the picture was made from."""

    id: int
    file_name: str
    height: int
    width: int
    source: str | UnsetType = UNSET


class CocoAnnotation(msgspec.Struct, frozen=True, kw_only=True):
    """``bbox`` is x, y, width, height in pixels; None or empty where a tool wrote none.

    ``source`` is as in :class:`CocoImage`, ``attributes`` are what a tool has beside the format.
    """

    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, ...] | None = None
    area: float | UnsetType | None = UNSET
    iscrowd: int | bool | None = 0
    segmentation: Segmentation | UnsetType | None = UNSET
    attributes: Any = UNSET
    source: str | UnsetType = UNSET


class CocoCategory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A class. ``supercategory`` is the name of one above it."""

    id: int
    name: str
    supercategory: str | None = None


class CocoFile(msgspec.Struct, frozen=True, kw_only=True):
    """A data set; one of pictures alone (test-dev) has no annotations."""

    images: list[CocoImage]
    annotations: list[CocoAnnotation] = []
    categories: list[CocoCategory]


Naming = Callable[[CocoAnnotation], str]
"""Says where the file that a user knows has an annotation."""


def by_id(annotation: CocoAnnotation) -> str:
    """As a COCO JSON itself calls it."""
    return f"annotation {annotation.id}"


def load_coco_json(path: Path) -> CocoFile:
    """Read a COCO JSON. Raises InputError, which says where in the file the fault is.

    msgspec counts levels as Python does, and ends at its limit (1,000); COCO's has 5.
    """
    with reading(path):
        content = read_file(path, ANNOTATION_BYTES).removeprefix(codecs.BOM_UTF8)
    try:
        return _decoded(content)
    except RecursionError as error:
        why = f"it is nested more than {sys.getrecursionlimit():,} levels deep"
        raise InputError(f"{path} is no COCO JSON", why, "Export it again.") from error
    except (msgspec.DecodeError, ValueError, OverflowError) as error:
        _demand_sizes(path, content)
        raise InputError(
            f"{path} is no COCO JSON",
            str(error),
            "A COCO JSON has images, annotations (with bbox) and categories; export it again.",
        ) from error


class _Sized(msgspec.Struct):
    """A picture's size, whatever that is."""

    file_name: Any = ""
    height: Any = 0
    width: Any = 0


class _Sizes(msgspec.Struct):
    images: list[_Sized] = []


def _demand_sizes(path: Path, content: bytes) -> None:
    """Raises InputError where pictures have null for a size: tools that did not know it write
    that."""
    try:
        images = msgspec.json.decode(content, type=_Sizes).images
    except (msgspec.DecodeError, RecursionError):
        return
    without = [one.file_name for one in images if None in (one.height, one.width)]
    if without:
        raise InputError(
            f"The data set {path} can't be used",
            f"{len(without)} of its {len(images)} pictures have null for their height or width, "
            f"the first is {without[0]}",
            "Write the pixels of each picture there: Label Studio leaves them out where it has not "
            "seen the picture itself, and its boxes are in pixels of that size.",
        )


def _decoded(content: bytes) -> CocoFile:
    """The file, also where a tool wrote whole numbers as 1.0: in JSON, that is 1."""
    try:
        return msgspec.json.decode(content, type=CocoFile)
    except msgspec.ValidationError:
        plain = msgspec.json.decode(content)
        if not _made_whole(plain):
            raise
        return msgspec.convert(plain, CocoFile)


def _made_whole(plain: Any) -> bool:
    """Whether there were such numbers, which are changed within ``plain``."""
    lists = plain.values() if isinstance(plain, dict) else ()
    entries = (one for found in lists if isinstance(found, list) for one in found)
    changed = False
    for one in entries:
        for key in _WHOLE if isinstance(one, dict) else ():
            value = one.get(key)
            if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
                one[key], changed = int(value), True
    return changed


def save_coco_json(file: CocoFile, path: Path) -> None:
    """Write a COCO JSON. Raises OSError."""
    path.write_bytes(msgspec.json.encode(file))
