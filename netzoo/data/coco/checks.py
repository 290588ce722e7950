"""Checks of a COCO JSON whose types are right: each fault has a sentence, none is repaired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from enum import Enum
from itertools import chain
from pathlib import Path

import msgspec

from netzoo.data.coco.format import CocoAnnotation, CocoFile, CocoImage, Naming, by_id
from netzoo.data.faults import STOP, FaultKind, Faults
from sizewise.core.errors import InputError
from sizewise.core.options.limits import CLASSES, PICTURE_PIXELS

_LARGEST = 2**63 - 1
Flaw = tuple[FaultKind, str]
"""What is wrong, and how."""


class Where(Enum):
    """Where a box lies: in its picture, at least in part, just beside it, or far from it."""

    IN = "in"
    BESIDE = "beside"
    FAR = "far"


def check_coco(
    file: CocoFile, path: Path, faults: Faults = STOP, named: Naming = by_id
) -> CocoFile:
    """``file`` without what ``faults`` skips; annotations are ``named`` in what is said.

    Raises InputError that names the first fault where it stops at that, and for a file that is
    wrong as a whole.
    """
    if not file.images:
        raise _refusal(path, "it lists no images", "Give a data set with at least one image.")
    if not file.categories:
        raise _refusal(path, "it lists no categories", "Give a data set with classes.")
    if why := CLASSES.excess(len(file.categories)):
        raise _refusal(path, why, CLASSES.todo)
    _check_range(path, file)
    _check_unique(path, "images have the id", (image.id for image in file.images))
    _check_unique(path, "categories have the id", (c.id for c in file.categories))
    _check_unique(path, "categories have the name", (c.name for c in file.categories))
    images = [image for image in file.images if _is_sized(image, path, faults)]
    annotations = list(_usable(file, {image.id: image for image in images}, path, faults, named))
    if len(images) == len(file.images) and len(annotations) == len(file.annotations):
        return file
    return msgspec.structs.replace(file, images=images, annotations=annotations)


def _is_sized(image: CocoImage, path: Path, faults: Faults) -> bool:
    """Whether an image has a size that it can have."""
    if image.height < 1 or image.width < 1:
        flaw = f"image {image.id} ({image.file_name}) is {image.height}x{image.width} pixels"
        error = _refusal(path, flaw, "Correct its height and width.")
    # Masks are drawn at this size, before anybody has looked into the picture itself.
    elif why := PICTURE_PIXELS.excess(image.height * image.width):
        shown = f"image {image.id} ({image.file_name}): {why}"
        error = _refusal(path, shown, f"Correct its size. {PICTURE_PIXELS.todo}")
    else:
        return True
    faults.refuse("picture", error, image.file_name)
    return False


def _usable(
    file: CocoFile, images: Mapping[int, CocoImage], path: Path, faults: Faults, named: Naming
) -> Iterator[CocoAnnotation]:
    """The annotations that have no flaw; those of images that were skipped are skipped as well."""
    categories = {category.id for category in file.categories}
    skipped = {image.id for image in file.images} - images.keys()
    for annotation in file.annotations:
        if annotation.image_id in skipped:
            continue
        if flaw := _flaw(annotation, images.get(annotation.image_id), categories):
            kind, why = flaw
            todo = "Correct or remove the annotation."
            error = _refusal(path, f"{named(annotation)}: {why}", todo)
            image = images.get(annotation.image_id)
            faults.refuse(kind, error, image.file_name if image else path.name)
        else:
            yield annotation


def _check_range(path: Path, file: CocoFile) -> None:
    """Ids are kept and counted in 64 bits; JSON has numbers of any length."""
    ids = chain((one.id for one in file.images), (one.id for one in file.categories))
    for number in ids:
        if not -_LARGEST <= number <= _LARGEST:
            raise _refusal(path, "an id has more than 64 bits", "Number images from 1.")


def _flaw(annotation: CocoAnnotation, image: CocoImage | None, categories: set[int]) -> Flaw | None:
    if image is None:
        return "label", f"there is no image with the id {annotation.image_id}"
    if annotation.category_id not in categories:
        return "class", f"there is no category with the id {annotation.category_id}"
    return _box_flaw(annotation, image)


def _box_flaw(annotation: CocoAnnotation, image: CocoImage) -> Flaw | None:
    box = annotation.bbox or ()
    if len(box) != 4:
        return "label", f"its box has {len(box)} numbers, not x, y, width and height"
    _, _, width, height = box
    shown = f"the box [{', '.join(f'{number:g}' for number in box)}]"
    of_image = f"its image of {image.height}x{image.width} pixels"
    if width <= 0 or height <= 0:
        return "no_area", f"{shown} has no width or no height"
    said = {
        Where.IN: "",
        Where.BESIDE: f"{shown} lies outside {of_image}",
        Where.FAR: f"{shown} reaches far beyond {of_image}",
    }[where(box, image)]
    return ("outside", said) if said else None


def where(box: tuple[float, ...], image: CocoImage) -> Where:
    """Where a box (x, y, width, height) lies. Annotators draw a little over the border; far over
    it, the box is for another picture."""
    x, y, width, height = box
    right, bottom = x + width, y + height
    if x < -image.width or y < -image.height:
        return Where.FAR
    if right > 2 * image.width or bottom > 2 * image.height:
        return Where.FAR
    if x >= image.width or y >= image.height or right <= 0 or bottom <= 0:
        return Where.BESIDE
    return Where.IN


def _check_unique(path: Path, what: str, values: Iterable[Hashable]) -> None:
    value, count = Counter(values).most_common(1)[0]
    if count > 1:
        raise _refusal(path, f"{count} {what} {value!r}", "Give each one of its own.")


def _refusal(path: Path, why: str, todo: str) -> InputError:
    return InputError(f"The data set {path} can't be used", why, todo)
