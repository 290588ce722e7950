"""The ids of COCO results: those that COCOeval and COCO's test server know pictures and classes
by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size
from sizewise.pipeline.prediction.listing import read_listing

_GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
COCO_IDS = tuple(number for number in range(1, 91) if number not in _GAPS)
"""Of COCO's 80 classes, in order: ten of its 90 categories were never annotated."""
_FIRST, _LAST = "person", "toothbrush"


@dataclass(frozen=True, kw_only=True)
class Ids:
    """The id of each picture, and of each class by its place among the model's. Classes that are
    not in ``categories`` have no results.

    ``classes`` are the model's, or those of the data where it names none. ``frames`` has the size
    of the pictures that annotations are for, where there are some. ``remarks`` are sentences on
    what was taken for granted.
    """

    pictures: Mapping[Path, int]
    categories: Mapping[int, int] | None = None
    classes: tuple[str, ...] = ()
    frames: Mapping[Path, Size] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def category(self, label: int) -> int | None:
        """None where results of the class are left out."""
        return label + 1 if self.categories is None else self.categories.get(label)


def find_ids(
    pictures: Sequence[Path], classes: Sequence[str] | None, annotations: Path | None
) -> Ids:
    """Those of a COCO JSON: pictures by their file names, classes by their names.

    Where ``classes`` are empty, nobody named the model's: they are those of the JSON in the order
    of their ids. None: the model tells none apart, and all results have the first.

    Without one, pictures have the numbers that their files are named by, as COCO's are, or else
    count from 1; categories are COCO's own for its 80 classes, or else count from 1. Raises
    InputError where the JSON lacks a picture or has two of its name, where its categories are
    unusable, and where it has none of the model's classes.
    """
    if annotations is None:
        return _assumed(pictures, classes)
    file = read_listing(annotations)
    images = file.find_images(pictures)
    return Ids(
        pictures={path: image.id for path, image in images.items()},
        categories=file.find_categories(classes),
        classes=tuple(classes or file.classes),
        frames={path: Size(image.height, image.width) for path, image in images.items()},
        remarks=file.remarks_on(classes),
    )


def _assumed(pictures: Sequence[Path], classes: Sequence[str] | None) -> Ids:
    numbers = _numbers(pictures)
    cocos = classes is not None and _are_cocos(classes)
    named = "the numbers in their file names" if numbers else "numbers from 1, in their order"
    theirs = "COCO's own" if cocos else "numbers from 1, in the model's order"
    said = [
        f"Ids in the results: of pictures, {named}; of classes, {theirs}. "
        f"{spelled('annotations')} takes those of a COCO JSON."
    ]
    if classes is not None and not classes:
        said.append(
            f"The model does not name its classes. {spelled('names')} does; COCO's 80 then have "
            "COCO's ids."
        )
    return Ids(
        pictures=dict(zip(pictures, numbers or range(1, len(pictures) + 1), strict=True)),
        categories=dict(enumerate(COCO_IDS)) if cocos else None,
        classes=tuple(classes or ()),
        remarks=tuple(said),
    )


def _are_cocos(classes: Sequence[str]) -> bool:
    return len(classes) == len(COCO_IDS) and (classes[0], classes[-1]) == (_FIRST, _LAST)


def _numbers(pictures: Sequence[Path]) -> list[int]:
    """Those in the file names; empty where one has none, or two have the same."""
    stems = [path.stem for path in pictures]
    if not all(stem.isascii() and stem.isdigit() for stem in stems):
        return []
    numbers = [int(stem) for stem in stems]
    return numbers if len(set(numbers)) == len(numbers) else []
