"""YOLO's text files: a line ``class x y width height`` for each box, in shares of the picture; or
``class x y x y …``, a polygon. A data.yaml names the classes and folders.

Read as what a COCO JSON would say, so that all that is checked there is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from netzoo.data.boxes.numbers import finite
from netzoo.data.class_names import read_lines, read_names
from netzoo.data.coco.dataset import Dataset, dataset_of
from netzoo.data.coco.folders import Split
from netzoo.data.coco.format import CocoAnnotation, CocoCategory, CocoFile, CocoImage
from netzoo.data.masks.index import NAMES_FILE
from netzoo.data.pictures.decoding import SUFFIXES, upright_size
from netzoo.data.reading import read_text, reading
from sizewise.core.errors import InputError

SUFFIX = (".yaml", ".yml")
_YAML = ("data.yaml", "data.yml", "dataset.yaml")
_SPLITS: dict[Split, tuple[str, ...]] = {"train": ("train",), "val": ("val", "valid", "validation")}
_PICTURES, _LABELS = "images", "labels"
_BOX = 5
"""Numbers on the line of a box; a polygon has an odd number of 7 or more."""


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Pictures of a split and the names of the classes."""

    pictures: tuple[Path, ...]
    classes: tuple[str, ...]


def has_yolo(folder: Path, split: Split) -> bool:
    """Whether ``folder`` has text files of ``split``."""
    with reading(folder):
        if _yaml_in(folder):
            return True
        return (folder / NAMES_FILE).is_file() and _beside(folder, split) is not None


def open_yolo(folder: Path, split: Split) -> Dataset | None:
    """The pictures of ``split`` with the boxes of their text files; None where there are none.

    ``folder`` has a data.yaml, or images/train, labels/train and classes.txt. A picture without a
    text file has no boxes. Raises InputError.
    """
    with reading(folder):
        if file := _yaml_in(folder):
            return open_yolo_file(file, split)
        pictures, names = _beside(folder, split), folder / NAMES_FILE
        if pictures is None or not names.is_file():
            return None
        found = _Source(pictures=_in_folder(pictures), classes=read_names(names))
    return _dataset(folder, found, split)


def open_yolo_file(file: Path, split: Split) -> Dataset:
    """The same of a data.yaml. Raises InputError."""
    with reading(file):
        found = _of_yaml(file, split)
    return _dataset(file, found, split)


def _dataset(source: Path, found: _Source, split: Split) -> Dataset:
    with reading(source):
        sizes = [upright_size(path) for path in found.pictures]
        images = [
            CocoImage(id=number, file_name=path.name, height=height, width=width)
            for number, (path, (height, width)) in enumerate(
                zip(found.pictures, sizes, strict=True), start=1
            )
        ]
        annotations = list(_annotations(images, found))
    categories = [CocoCategory(id=n, name=name) for n, name in enumerate(found.classes, start=1)]
    folder = source if source.is_dir() else source.parent
    return dataset_of(
        CocoFile(images=images, annotations=annotations, categories=categories),
        lambda _: found.pictures,
        name=f"{folder.resolve().name} {split}",
        source=source,
    )


def _yaml_in(folder: Path) -> Path | None:
    return next((folder / name for name in _YAML if (folder / name).is_file()), None)


def _beside(folder: Path, split: Split) -> Path | None:
    """images/train with labels/train, or train/images with train/labels."""
    for name in _SPLITS[split]:
        for pictures, labels in (
            (folder / _PICTURES / name, folder / _LABELS / name),
            (folder / name / _PICTURES, folder / name / _LABELS),
        ):
            if pictures.is_dir() and labels.is_dir():
                return pictures
    return None


def _of_yaml(file: Path, split: Split) -> _Source:
    said = _load(file)
    names = said.get("names")
    classes = list(names.values()) if isinstance(names, Mapping) else names
    if not isinstance(classes, list) or not classes:
        raise _refusal(file, "it has no names", "Add names: a list of the classes.")
    if isinstance(names, Mapping) and sorted(names) != list(range(len(names))):
        raise _refusal(
            file, f"its names are numbered {', '.join(map(str, names))}", "Count from 0."
        )
    where = next((said[name] for name in _SPLITS[split] if said.get(name)), None)
    if where is None:
        raise _refusal(file, f"it has no {split}", f"Add {split}: the folder of its pictures.")
    listed = where if isinstance(where, list) else [where]
    pictures = [p for one in listed for p in _pictures_at(file, said.get("path"), str(one))]
    return _Source(pictures=tuple(pictures), classes=tuple(map(str, classes)))


def _load(file: Path) -> Mapping[str, Any]:
    try:
        said = yaml.safe_load(read_text(file, "a YAML file"))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _refusal(file, f"it is no YAML: {error}", "Correct the file.") from error
    if not isinstance(said, Mapping):
        raise _refusal(file, "it is no table of names and folders", "Give a data.yaml.")
    return said


def _pictures_at(file: Path, root: object, where: str) -> tuple[Path, ...]:
    """Of a folder, or of a list of files; paths are from ``root``, which is from the YAML. Roboflow
    writes ``../train/images`` for a folder beside the YAML."""
    home = file.parent
    bases = [home / str(root), home] if root else [home]
    tries = [base / name for base in bases for name in (where, where.removeprefix("../"))]
    for path in tries:
        if path.is_dir():
            return _in_folder(path)
        if path.is_file():
            lines = read_lines(path)
            return tuple(path.parent / line for line in lines)  # an absolute one stays as it is
    raise _refusal(file, f"there is no {where}", "Correct its path in the file.")


def _in_folder(folder: Path) -> tuple[Path, ...]:
    return tuple(
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def _text_of(picture: Path) -> Path:
    """labels/…/NAME.txt for images/…/NAME.jpg: the last folder of that name is exchanged."""
    parts = list(picture.with_suffix(".txt").parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == _PICTURES:
            parts[place] = _LABELS
            break
    return Path(*parts)


def _annotations(images: Sequence[CocoImage], found: _Source) -> Iterator[CocoAnnotation]:
    number = 0
    for image, picture in zip(images, found.pictures, strict=True):
        text = _text_of(picture)
        if not text.is_file():
            continue
        for line, words in enumerate(_lines(text), start=1):
            number += 1
            label, numbers = _numbers(words, text, line, len(found.classes))
            yield _annotation(number, image, label, numbers)


def _lines(text: Path) -> Iterator[list[str]]:
    yield from (
        line.split() for line in read_text(text, "a text file").splitlines() if line.strip()
    )


def _numbers(words: list[str], text: Path, line: int, classes: int) -> tuple[int, list[float]]:
    where = f"line {line}"
    try:
        values = list(map(finite, words))
    except ValueError as error:
        raise _refusal(text, f"{where} is {' '.join(words)!r}", "Write numbers.") from error
    if not (values[0].is_integer() and 0 <= values[0] < classes):
        why = f"{where} has the class {words[0]}, and there are {classes}"
        raise _refusal(text, why, "Count classes from 0, and name all of them.")
    if len(values) != _BOX and (len(values) < _BOX + 2 or len(values) % 2 == 0):
        why = f"{where} has {len(values)} numbers"
        raise _refusal(text, why, "Write class x y width height, or class x y x y x y …")
    return int(values[0]), values[1:]


def _annotation(number: int, image: CocoImage, label: int, numbers: list[float]) -> CocoAnnotation:
    """In pixels."""
    width, height = image.width, image.height
    if len(numbers) == _BOX - 1:
        x, y, across, down = numbers
        box = ((x - across / 2) * width, (y - down / 2) * height, across * width, down * height)
        return CocoAnnotation(id=number, image_id=image.id, category_id=label + 1, bbox=box)
    polygon = [n * (height if place % 2 else width) for place, n in enumerate(numbers)]
    xs, ys = polygon[::2], polygon[1::2]
    box = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    return CocoAnnotation(
        id=number, image_id=image.id, category_id=label + 1, bbox=box, segmentation=[polygon]
    )


def _refusal(path: Path, why: str, todo: str) -> InputError:
    return InputError(f"{path} can't be used", why, todo)
