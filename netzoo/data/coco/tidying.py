"""What tools leave in a COCO JSON that is no annotation: taken out, counted and said once.

Whatever else is wrong, ``netzoo.data.coco.checks`` refuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET

from netzoo.data.coco.format import CocoAnnotation, CocoCategory, CocoFile, CocoImage

_NONE = ("", "none", None)
"""How a category says that none stands above it."""
_MANY = 0.1
"""A share of crowds that is larger is doubtful."""


@dataclass(frozen=True, kw_only=True)
class Tidied:
    """A file without what was left out, and a sentence for each kind of it."""

    file: CocoFile
    remarks: tuple[str, ...]


def tidy(file: CocoFile) -> Tidied:
    """Leave out annotations without a box or with one without extent, a root category, and second
    categories of a name that nothing is annotated with; read file names of Windows."""
    categories, removed = _categories(file)
    boxed = [one for one in file.annotations if one.bbox]
    annotations = [_plain(one) for one in boxed if _has_extent(one.bbox or ())]
    images = [_on_any_system(image) for image in file.images]
    # Without the names above them: they are no part of what identifies the data.
    plain = [CocoCategory(id=one.id, name=one.name) for one in categories]
    return Tidied(
        file=CocoFile(images=images, annotations=annotations, categories=plain),
        remarks=(
            *removed,
            *_of_bare(len(file.annotations) - len(boxed), len(file.annotations)),
            *_of_flat(len(boxed) - len(annotations), len(file.annotations)),
            *_of_crowds(annotations),
        ),
    )


def _has_extent(box: tuple[float, ...]) -> bool:
    """One below 0 is wrong, as one of other than four numbers is, and refused."""
    return len(box) != 4 or 0 not in box[2:]


def _plain(annotation: CocoAnnotation) -> CocoAnnotation:
    """Without the nulls that some tools write in place of nothing."""
    if annotation.area is not None and annotation.iscrowd is not None:
        return annotation
    area = UNSET if annotation.area is None else annotation.area
    return msgspec.structs.replace(annotation, area=area, iscrowd=annotation.iscrowd or 0)


def _of_bare(count: int, of: int) -> Iterator[str]:
    if count:
        found = f"1 annotation of {of} has" if count == 1 else f"{count} annotations of {of} have"
        yield f"{found} no box: left out."


def _of_flat(count: int, of: int) -> Iterator[str]:
    if count:
        boxes = f"1 box of {of} has" if count == 1 else f"{count} boxes of {of} have"
        yield f"{boxes} no width or no height: left out."


def _of_crowds(annotations: Sequence[CocoAnnotation]) -> Iterator[str]:
    """Crowds are rare (about 1 % of COCO's boxes), but some tools call a mask one by how it was
    drawn."""
    count, of = sum(bool(one.iscrowd) for one in annotations), len(annotations)
    if count:
        crowds = f"1 box of {of} is a crowd" if count == 1 else f"{count} boxes of {of} are crowds"
        doubt = (
            ". Some tools mark every mask that was drawn with a brush so: set iscrowd to 0 for "
            "single objects"
        )
        said = f"{crowds} (iscrowd): detectors are neither trained nor measured on such"
        yield f"{said}{doubt if count > _MANY * of else ''}."


def _categories(file: CocoFile) -> tuple[Sequence[CocoCategory], tuple[str, ...]]:
    used = {annotation.category_id for annotation in file.annotations}
    root = _root(file.categories, used)
    kept = [one for one in file.categories if one is not root]
    names = Counter(one.name for one in kept)
    idle = [one for one in kept if names[one.name] > 1 and one.id not in used]
    remarks = [
        f"Category {one.id} ({one.name}) has no annotations and {why}: it is left out."
        for one, why in (
            *([(root, "stands above all others")] if root else []),
            *((one, "the name of another one") for one in idle),
        )
    ]
    left_out = {id(one) for one in idle}
    return [one for one in kept if id(one) not in left_out], tuple(remarks)


def _root(categories: Sequence[CocoCategory], used: set[int]) -> CocoCategory | None:
    """The one that Roboflow puts above all others."""
    below = Counter(one.supercategory for one in categories)
    for one in categories:
        others = below[one.name] - (one.supercategory == one.name)
        if (
            one.id not in used
            and (one.supercategory or "").lower() in _NONE
            and others == len(categories) - 1 > 0
        ):
            return one
    return None


def _on_any_system(image: CocoImage) -> CocoImage:
    """With a file name that has no backslashes, as Windows writes them."""
    if "\\" not in image.file_name:
        return image
    return msgspec.structs.replace(image, file_name=image.file_name.replace("\\", "/"))
