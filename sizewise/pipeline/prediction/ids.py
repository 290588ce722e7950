"""The ids of COCO results: those that COCOeval and COCO's test server know pictures and classes
by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from sizewise.core.errors import InputError

_GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
COCO_IDS = tuple(number for number in range(1, 91) if number not in _GAPS)
"""Of COCO's 80 classes, in order: ten of its 90 categories were never annotated."""
_FIRST, _LAST = "person", "toothbrush"


@dataclass(frozen=True, kw_only=True)
class Ids:
    """The id of each picture, and of each class by its place among the model's. Classes that are
    not in ``categories`` have no results."""

    pictures: Mapping[Path, int]
    categories: Mapping[int, int] | None = None

    def category(self, label: int) -> int | None:
        """None where results of the class are left out."""
        return label + 1 if self.categories is None else self.categories.get(label)


def find_ids(pictures: Sequence[Path], classes: Sequence[str], annotations: Path | None) -> Ids:
    """Those of a COCO JSON: pictures by their file names, classes by their names.

    Without one, pictures have the numbers that their files are named by, as COCO's are, or else
    count from 1; categories are COCO's own for its 80 classes, or else count from 1. Raises
    InputError where the JSON lacks a picture, or has two of its name.
    """
    if annotations is None:
        known = enumerate(COCO_IDS) if _are_cocos(classes) else None
        return Ids(pictures=_numbered(pictures), categories=None if known is None else dict(known))
    from netzoo.data.coco_json import load_coco_json

    file = load_coco_json(annotations)
    by_name = {PureWindowsPath(image.file_name).name: image.id for image in file.images}
    count = Counter(PureWindowsPath(image.file_name).name for image in file.images)
    for path in pictures:
        if count[path.name] != 1:
            raise InputError(
                f"{path} has no id in {annotations}",
                f"{count[path.name]} of its images have the file name {path.name}",
                "Give the JSON that lists these pictures, each once.",
            )
    ids = sorted(category.id for category in file.categories)
    named = {category.name: category.id for category in file.categories}
    places = {place: named[name] for place, name in enumerate(classes) if name in named}
    return Ids(
        pictures={path: by_name[path.name] for path in pictures},
        categories=places if classes else dict(enumerate(ids)),
    )


def _are_cocos(classes: Sequence[str]) -> bool:
    return len(classes) == len(COCO_IDS) and (classes[0], classes[-1]) == (_FIRST, _LAST)


def _numbered(pictures: Sequence[Path]) -> Mapping[Path, int]:
    stems = [path.stem for path in pictures]
    if all(stem.isascii() and stem.isdigit() for stem in stems):
        numbers = [int(stem) for stem in stems]
        if len(set(numbers)) == len(numbers):
            return dict(zip(pictures, numbers, strict=True))
    return {path: number for number, path in enumerate(pictures, start=1)}
