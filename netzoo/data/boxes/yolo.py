"""YOLO's text files: a line ``class x y width height`` for each box, in shares of the picture; or
``class x y x y …``, a polygon. A data.yaml names the classes and folders.

Read as what a COCO JSON would say, so that all that is checked there is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from netzoo.data.boxes.numbers import finite
from netzoo.data.class_names import read_lines, read_names
from netzoo.data.coco.dataset import Dataset, dataset_of
from netzoo.data.coco.folders import Split
from netzoo.data.coco.format import CocoAnnotation, CocoCategory, CocoFile, CocoImage
from netzoo.data.faults import STOP, Faults
from netzoo.data.masks.index import NAMES_FILE
from netzoo.data.pictures.decoding import SUFFIXES, upright_size
from netzoo.data.reading import read_text, reading
from sizewise.core.errors import InputError

SUFFIX = (".yaml", ".yml")
_YAML = ("data.yaml", "data.yml", "dataset.yaml")
_SPLITS: dict[Split, tuple[str, ...]] = {"train": ("train",), "val": ("val", "valid", "validation")}
_PICTURES, _LABELS = "images", "labels"
_Lines = list[tuple[int, list[str]]]
_BOX = 5
"""Numbers on the line of a box; a polygon has an odd number of 7 or more."""


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Pictures of a split and the names of the classes."""

    pictures: tuple[Path, ...]
    classes: tuple[str, ...]


def has_yolo(folder: Path, split: Split) -> bool:
    """Whether ``folder`` has text files of ``split``, or a data.yaml that may say so."""
    with reading(folder):
        if file := yaml_in(folder):
            return _may_have(file, split)
        return (folder / NAMES_FILE).is_file() and _beside(folder, split) is not None


def _may_have(file: Path, split: Split) -> bool:
    try:
        return split in yaml_splits(file)
    except InputError:
        return True  # who opens it is told what is wrong


def open_yolo(folder: Path, split: Split, faults: Faults = STOP) -> Dataset | None:
    """The pictures of ``split`` with the boxes of their text files; None where there are none.

    ``folder`` has a data.yaml, or images/train, labels/train and classes.txt. A picture without a
    text file has no boxes. Raises InputError; ``faults`` may skip pictures and lines instead.
    """
    with reading(folder):
        if file := yaml_in(folder):
            return open_yolo_file(file, split, faults)
        pictures, names = _beside(folder, split), folder / NAMES_FILE
        if pictures is None or not names.is_file():
            return None
        found = _Source(pictures=_in_folder(pictures), classes=read_names(names))
    return _dataset(folder, found, split, faults)


def open_yolo_file(file: Path, split: Split, faults: Faults = STOP) -> Dataset:
    """The same of a data.yaml. Raises InputError."""
    with reading(file):
        found = _of_yaml(file, split)
    return _dataset(file, found, split, faults)


def yaml_splits(file: Path) -> tuple[Split, ...]:
    """The parts that a data.yaml names. Raises InputError."""
    with reading(file):
        said = _load(file)
    return tuple(split for split, names in _SPLITS.items() if any(said.get(n) for n in names))


def _dataset(source: Path, found: _Source, split: Split, faults: Faults) -> Dataset:
    with reading(source):
        sizes = {
            path: size
            for path in found.pictures
            if (size := faults.attempt("picture", partial(upright_size, path)))
        }
        texts = {path: faults.attempt("label", partial(_lines, _text_of(path))) for path in sizes}
        pictures = tuple(path for path, lines in texts.items() if lines is not None)
        images = [
            CocoImage(id=n, file_name=path.name, height=sizes[path][0], width=sizes[path][1])
            for n, path in enumerate(pictures, start=1)
        ]
        lines = list(_annotations(images, pictures, texts, len(found.classes), faults))
        _note_missing(found.pictures, faults)
    categories = [CocoCategory(id=n, name=name) for n, name in enumerate(found.classes, start=1)]
    folder = source if source.is_dir() else source.parent
    names = {annotation.id: where for where, annotation in lines}
    return dataset_of(
        CocoFile(
            images=images,
            annotations=[annotation for _, annotation in lines],
            categories=categories,
        ),
        lambda kept: [pictures[image.id - 1] for image in kept.images],
        name=f"{folder.resolve().name} {split}",
        source=source,
        faults=faults,
        named=lambda annotation: names[annotation.id],
    )


def yaml_in(folder: Path) -> Path | None:
    """The data.yaml of a folder."""
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


def _note_missing(pictures: Sequence[Path], faults: Faults) -> None:
    """Pictures of which only the text file is there. Those that a list leaves out are not missing;
    and beside pictures, texts may be anything."""
    places = dict.fromkeys((path.parent, _text_of(path).parent) for path in pictures)
    for folder, labels in places:
        if folder == labels or not (folder.is_dir() and labels.is_dir()):
            continue
        there = {path.stem for path in folder.iterdir()} | {Path(NAMES_FILE).stem}
        for text in sorted(labels.glob("*.txt")):
            if text.stem not in there:
                faults.note("picture", f"The picture of {text}", f"it is not in {folder}")


def _annotations(
    images: Sequence[CocoImage],
    pictures: Sequence[Path],
    texts: Mapping[Path, _Lines | None],
    classes: int,
    faults: Faults,
) -> Iterator[tuple[str, CocoAnnotation]]:
    """Each with the place of its line."""
    number = 0
    for image, picture in zip(images, pictures, strict=True):
        text = _text_of(picture)
        for line, words in texts[picture] or ():
            number += 1
            values = faults.attempt("label", partial(_numbers, words, text, line))
            if values is None:
                continue
            label = faults.attempt("class", partial(_label, values[0], text, line, classes))
            if label is not None:
                yield f"line {line} of {text}", _annotation(number, image, label, values[1:])


def _lines(text: Path) -> _Lines:
    """The words of each line that has some, with its number; none without a file."""
    if not text.is_file():
        return []
    lines = read_text(text, "a text file").splitlines()
    return [(number, line.split()) for number, line in enumerate(lines, start=1) if line.strip()]


def _numbers(words: list[str], text: Path, line: int) -> list[float]:
    where = f"line {line}"
    try:
        values = list(map(finite, words))
    except ValueError as error:
        raise _refusal(text, f"{where} is {' '.join(words)!r}", "Write numbers.") from error
    if len(values) != _BOX and (len(values) < _BOX + 2 or len(values) % 2 == 0):
        why = f"{where} has {len(values)} numbers"
        raise _refusal(text, why, "Write class x y width height, or class x y x y x y …")
    return values


def _label(value: float, text: Path, line: int, classes: int) -> int:
    if not (value.is_integer() and 0 <= value < classes):
        why = f"line {line} has the class {value:g}, and there are {classes}"
        raise _refusal(text, why, "Count classes from 0, and name all of them.")
    return int(value)


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
