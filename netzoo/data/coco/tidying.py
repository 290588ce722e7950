"""What tools leave in a COCO JSON that is no annotation: taken out, counted and said once.

Whatever else is wrong, ``netzoo.data.coco.checks`` refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET

from netzoo.data.coco.categories import classes_among
from netzoo.data.coco.checks import Where, where
from netzoo.data.coco.format import (
    CocoAnnotation,
    CocoCategory,
    CocoFile,
    CocoImage,
    Naming,
    by_id,
)
from netzoo.data.faults import STOP, FaultKind, Faults

_MANY = 0.1
"""A share of crowds, or of boxes beside their pictures, that is larger is doubtful."""
_HALF_TURN = 180
"""Degrees. After one, a box is where it was."""


@dataclass(frozen=True, kw_only=True)
class Tidied:
    """A file without what was left out, and a sentence for each kind of it."""

    file: CocoFile
    remarks: tuple[str, ...]


def tidy(file: CocoFile, faults: Faults = STOP, named: Naming = by_id) -> Tidied:
    """Leave out annotations without a box, with one without extent or with one beside its picture,
    a root category, and second categories of a name that nothing is annotated with; read file names
    of Windows. ``faults`` is told of each of these boxes; where it takes them, no remark counts
    them again."""
    categories, removed = classes_among(file)
    of = len(file.annotations)
    boxed = [one for one in file.annotations if one.bbox]
    extended = [_plain(one) for one in boxed if _has_extent(one.bbox or ())]
    annotations = _within(extended, file.images)
    if not faults.stops:
        kept = set(map(id, annotations))
        flat = (one for one in boxed if not _has_extent(one.bbox or ()))
        beside = (one for one in extended if id(one) not in kept)
        _note("no_area", flat, file, faults, named)
        _note("outside", beside, file, faults, named)
    # Without the names above them: they are no part of what identifies the data.
    plain = [CocoCategory(id=one.id, name=one.name) for one in categories]
    return Tidied(
        file=CocoFile(
            images=[_on_any_system(image) for image in file.images],
            annotations=annotations,
            categories=plain,
        ),
        remarks=(
            *removed,
            *_of_bare(of - len(boxed), of),
            *(_of_flat(len(boxed) - len(extended), of) if faults.stops else ()),
            *(_of_beside(len(extended) - len(annotations), of) if faults.stops else ()),
            *_of_crowds(annotations),
            *_of_turned(file.annotations),
        ),
    )


_SAID: Mapping[FaultKind, str] = {
    "no_area": "has no width or no height",
    "outside": "lies outside the picture",
}


def _note(
    kind: FaultKind,
    left_out: Iterable[CocoAnnotation],
    file: CocoFile,
    faults: Faults,
    named: Naming,
) -> None:
    names = {image.id: image.file_name for image in file.images}
    for one in left_out:
        why = f"{named(one)}: the box {list(one.bbox or ())} {_SAID[kind]}"
        faults.note(kind, names.get(one.image_id, f"image {one.image_id}"), why)


def _within(annotations: list[CocoAnnotation], images: Sequence[CocoImage]) -> list[CocoAnnotation]:
    """Those whose boxes do not lie just beside their pictures, where these are few: many such boxes
    are for other pictures, and refused."""
    by_id = {image.id: image for image in images}
    kept = [one for one in annotations if not _lies_beside(one, by_id.get(one.image_id))]
    count, of = len(annotations) - len(kept), len(annotations)
    return kept if count <= _MANY * of or count == 1 < of else annotations


def _lies_beside(one: CocoAnnotation, image: CocoImage | None) -> bool:
    box = one.bbox or ()
    if image is None or len(box) != 4 or min(box[2:]) <= 0:
        return False  # wrong, and refused
    return where(box, image) is Where.BESIDE


def _has_extent(box: tuple[float, ...]) -> bool:
    """One below 0 is wrong, as one of other than four numbers is, and refused."""
    return len(box) != 4 or 0 not in box[2:]


def _plain(annotation: CocoAnnotation) -> CocoAnnotation:
    """Without the nulls that some tools write in place of nothing, and without what is no part of
    the format, nor of what identifies the data."""
    has_null = annotation.area is None or annotation.iscrowd is None
    if not has_null and annotation.attributes is UNSET:
        return annotation
    area = UNSET if annotation.area is None else annotation.area
    return msgspec.structs.replace(
        annotation, area=area, iscrowd=annotation.iscrowd or 0, attributes=UNSET
    )


def _of_bare(count: int, of: int) -> Iterator[str]:
    if count:
        found = f"1 annotation of {of} has" if count == 1 else f"{count} annotations of {of} have"
        yield f"{found} no box: left out."


def _of_flat(count: int, of: int) -> Iterator[str]:
    if count:
        boxes = f"1 box of {of} has" if count == 1 else f"{count} boxes of {of} have"
        yield f"{boxes} no width or no height: left out."


def _of_beside(count: int, of: int) -> Iterator[str]:
    if count:
        boxes = f"1 box of {of} lies" if count == 1 else f"{count} boxes of {of} lie"
        yield f"{boxes} outside the picture: left out."


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


def _of_turned(annotations: Sequence[CocoAnnotation]) -> Iterator[str]:
    """Rectangles that CVAT turned: it writes the box before the turn, and the angle beside it."""
    count, of = sum(map(_is_turned, annotations)), len(annotations)
    if count:
        boxes = f"1 box of {of} is" if count == 1 else f"{count} boxes of {of} are"
        yield (
            f"{boxes} turned (attributes.rotation, as CVAT writes it), and COCO has no such boxes: "
            "taken as before the turn. Polygons would hold what was drawn."
        )


def _is_turned(annotation: CocoAnnotation) -> bool:
    said = annotation.attributes
    angle = said.get("rotation") if isinstance(said, dict) else None
    is_angle = isinstance(angle, int | float) and angle % _HALF_TURN != 0
    return is_angle and not annotation.segmentation  # which holds what was drawn


def _on_any_system(image: CocoImage) -> CocoImage:
    """With a file name that has no backslashes, as Windows writes them."""
    if "\\" not in image.file_name:
        return image
    return msgspec.structs.replace(image, file_name=image.file_name.replace("\\", "/"))
