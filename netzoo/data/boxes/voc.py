"""Pascal VOC: an XML for each picture (Everingham et al. 2010, section 3; its development kit).

Read as what a COCO JSON would say, so that all that is checked there is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from netzoo.data.boxes.numbers import finite
from netzoo.data.class_names import read_lines, read_names
from netzoo.data.coco.dataset import Dataset, dataset_of
from netzoo.data.coco.folders import Split
from netzoo.data.coco.format import CocoAnnotation, CocoCategory, CocoFile, CocoImage
from netzoo.data.faults import STOP, Faults
from netzoo.data.masks.index import NAMES_FILE
from netzoo.data.pictures.decoding import SUFFIXES
from netzoo.data.pictures.images import those_opened
from netzoo.data.reading import read_text, reading
from sizewise.core.errors import InputError

_ANNOTATIONS, _PICTURES = "Annotations", ("JPEGImages", "images")
_SPLITS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "trainval"),
    "val": ("val", "valid", "test"),
}
"""Names of lists in ImageSets/Main, and of folders; VOC 2007 is trained on trainval."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where the XML files and pictures of a split lie; ``stems`` are those of it, all if empty."""

    annotations: Path
    pictures: tuple[Path, ...]
    stems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class _File:
    """An XML file, and what is known of its picture: height and width, and where it lies."""

    path: Path
    root: Element
    size: tuple[int, int]
    picture: Path

    def image(self, number: int) -> CocoImage:
        height, width = self.size
        return CocoImage(id=number, file_name=self.path.stem, height=height, width=width)


def has_voc(folder: Path, split: Split) -> bool:
    """Whether ``folder`` has VOC's annotations of ``split``."""
    with reading(folder):
        return _place(folder, split) is not None


def open_voc(folder: Path, split: Split, faults: Faults = STOP) -> Dataset | None:
    """The pictures of ``split`` with the boxes of their XML files; None where there are none.

    Classes are those of both splits by name, or those of classes.txt in its order. What is
    ``difficult`` is not counted, as in VOC's own evaluation.
    Raises InputError; ``faults`` may skip files and objects instead.
    """
    with reading(folder):
        place = _place(folder, split)
        if place is None:
            return None
        classes = _classes(folder, faults.aside())
        read = list(_read_files(place, faults))
    objects = list(_annotations(read, classes, faults))
    names = {annotation.id: where for where, annotation in objects}
    file = CocoFile(
        images=[one.image(number) for number, one in enumerate(read, start=1)],
        annotations=[annotation for _, annotation in objects],
        categories=[CocoCategory(id=n, name=name) for n, name in enumerate(classes, start=1)],
    )
    return dataset_of(
        file,
        lambda kept: those_opened((read[image.id - 1].picture for image in kept.images), faults),
        name=f"{folder.resolve().name} {split}",
        source=place.annotations,
        faults=faults,
        named=lambda annotation: names[annotation.id],
    )


def _place(folder: Path, split: Split) -> _Place | None:
    annotations = folder / _ANNOTATIONS
    for name in _SPLITS[split]:
        listed = folder / "ImageSets" / "Main" / f"{name}.txt"
        if annotations.is_dir() and listed.is_file():
            pictures = tuple(folder / one for one in _PICTURES)
            stems = tuple(line.split()[0] for line in read_lines(listed))
            return _Place(annotations=annotations, pictures=pictures, stems=stems)
        own = folder / name
        for place in (own / _ANNOTATIONS, own):
            if place.is_dir() and next(place.glob("*.xml"), None):
                pictures = (*(own / one for one in _PICTURES), own)
                return _Place(annotations=place, pictures=pictures)
    return None


def _files(place: _Place) -> list[Path]:
    if place.stems:
        return [place.annotations / f"{stem}.xml" for stem in place.stems]
    return sorted(place.annotations.glob("*.xml"))


def _classes(folder: Path, faults: Faults) -> tuple[str, ...]:
    """The same for every split: labels must not depend on which classes one of them has."""
    names = folder / NAMES_FILE
    if names.is_file():
        return read_names(names)
    places = [place for split in _SPLITS if (place := _place(folder, split))]
    files = dict.fromkeys(path for place in places for path in _files(place))
    roots = ((path, faults.attempt("label", partial(_read, path))) for path in files)
    found = (
        faults.attempt("label", partial(_name, one, path))
        for path, root in roots
        for one in (() if root is None else root.iter("object"))
    )
    return tuple(sorted({name for name in found if name}))


def _read_files(place: _Place, faults: Faults) -> Iterator[_File]:
    for path in _files(place):
        root = faults.attempt("label", partial(_read, path))
        if root is None:
            continue
        size = faults.attempt("label", partial(_size, path, root))
        picture = size and faults.attempt("picture", partial(_picture, place, path, root))
        if size and picture:
            yield _File(path=path, root=root, size=size, picture=picture)


def _read(path: Path) -> Element:
    try:
        found: Element = fromstring(read_text(path, "an XML file"))
        return found
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise _refusal(path, f"it is no XML: {error}") from error


def _size(path: Path, root: Element) -> tuple[int, int]:
    height, width = (round(_number(root, f"size/{side}", path)) for side in ("height", "width"))
    return height, width


def _picture(place: _Place, path: Path, root: Element) -> Path:
    """By the name in the XML, or by its own: tools leave paths of other machines in it."""
    named = Path((root.findtext("filename") or "").replace("\\", "/")).name
    names = [named, *(f"{path.stem}{suffix}" for suffix in SUFFIXES)]
    for folder in place.pictures:
        for name in names:
            if name and (folder / name).is_file():
                return folder / name
    raise InputError(
        f"The picture of {path} is missing",
        f"there is no {named or path.stem} in {' or '.join(map(str, place.pictures))}",
        "Put it there, or leave its XML out.",
    )


def _annotations(
    read: Sequence[_File], classes: tuple[str, ...], faults: Faults
) -> Iterator[tuple[str, CocoAnnotation]]:
    """Each with the place of its object."""
    ids = {name: number for number, name in enumerate(classes, start=1)}
    number = 0
    for image, file in enumerate(read, start=1):
        for place, one in enumerate(file.root.iter("object"), start=1):
            number += 1
            category = faults.attempt("class", partial(_category, one, file.path, ids))
            box = category and faults.attempt("label", partial(_box, one, file.path))
            if category and box:
                where = f"object {place} ({classes[category - 1]}) of {file.path}"
                yield (
                    where,
                    CocoAnnotation(
                        id=number,
                        image_id=image,
                        category_id=category,
                        bbox=box,
                        iscrowd=int((one.findtext("difficult") or "0").strip() == "1"),
                    ),
                )


def _category(one: Element, path: Path, ids: Mapping[str, int]) -> int:
    name = _name(one, path)
    if name not in ids:
        raise _refusal(path, f"its class {name!r} is not in {NAMES_FILE}")
    return ids[name]


def _box(one: Element, path: Path) -> tuple[float, float, float, float]:
    """x, y, width and height. Pixels are counted from 1, and the last one belongs to the box."""
    left, top = (_number(one, f"bndbox/{edge}", path) - 1 for edge in ("xmin", "ymin"))
    right, bottom = (_number(one, f"bndbox/{edge}", path) for edge in ("xmax", "ymax"))
    left, top = max(left, 0.0), max(top, 0.0)  # of tools that count from 0
    return left, top, right - left, bottom - top


def _name(one: Element, path: Path) -> str:
    name = (one.findtext("name") or "").strip()
    if not name:
        raise _refusal(path, "an object has no name")
    return name


def _number(root: Element, where: str, path: Path) -> float:
    try:
        return finite(root.findtext(where) or "")
    except ValueError as error:
        raise _refusal(path, f"{where} is {root.findtext(where)!r}, and no number") from error


def _refusal(path: Path, why: str) -> InputError:
    return InputError(
        f"The annotations in {path} can't be used", why, "Correct the file, or leave it out."
    )
