"""Breaks a COCO JSON, and holds what is read of it against the plain JSON and pycocotools.

``python -m tests.netzoo.data.coco.broken CASES SEED`` prints what it found as JSON.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from netzoo.data.coco.dataset import AnnotatedImage, Dataset, read_coco
from netzoo.data.masks.label_maps import LEFT_OUT
from sizewise.core.errors import InputError
from tests.attempts import main, one_by_one
from tests.netzoo.data.coco.mutants import SECRET, mutated, small_coco, write_pictures

T = TypeVar("T")
Plain = Mapping[str, Any]
_REASONS = {
    "limit of": "beyond a limit",
    "is no COCO JSON": "no COCO JSON",
    "annotation -?\\d+:": "an annotation",
    "pictures of": "file names",
    "id|name|lists no|pixels": "images or categories",
}


def attempt(number: int, chance: random.Random, folder: Path) -> str:
    """One file; its pictures are whole."""
    del number
    coco, home = small_coco(), folder / "set"
    write_pictures(coco, home)
    shutil.copy(home / "a.png", home / SECRET)
    path = home / "data.json"
    content = mutated(coco, chance)
    path.write_bytes(content)
    data = _outcome(lambda: read_coco(path))
    if isinstance(data, InputError):
        return f"refused: {_reason(data)}"
    plain = json.loads(content.decode("utf-8", "replace"))
    _hold_names(data, plain)
    for image in data.images:
        assert image.path.resolve().is_relative_to(home.resolve()), "a picture lies elsewhere"
        _hold_pixels(image)
        _hold_boxes(image, data, plain)
    held = [_hold_masks(image, plain) for image in data.images]
    return "read: as the JSON says" if all(held) else "read: as the JSON says, masks refused"


def _outcome(read: Callable[[], T]) -> T | InputError:
    try:
        return read()
    except InputError as error:
        return error


def _reason(error: InputError) -> str:
    assert error.what, "the error says nothing"
    assert error.todo, f"it does not say what to do: {error}"
    said = f"{error.what}. {error.why}. {error.todo}"
    return next((kind for text, kind in _REASONS.items() if re.search(text, said)), "otherwise")


def _hold_names(data: Dataset, plain: Plain) -> None:
    names = {one["id"]: one["name"] for one in plain["categories"]}
    for number, name in zip(data.category_ids, data.classes, strict=True):
        assert names[number] == name, f"category {number} is called {name!r}"
    sizes = {one["id"]: (one["height"], one["width"]) for one in plain["images"]}
    assert sizes == {image.id: (image.height, image.width) for image in data.images}, (
        "there are other images, or images of other sizes"
    )


def _hold_pixels(image: AnnotatedImage) -> None:
    found = _outcome(image.read)
    if isinstance(found, InputError):
        _reason(found)
        return
    with Image.open(image.path) as picture:
        assert np.array_equal(found, np.asarray(picture.convert("RGB"))), "other pixels are read"
    assert found.shape[:2] == (image.height, image.width), "pixels and size do not fit"


def _of(image: AnnotatedImage, plain: Plain, crowd: bool) -> list[Plain]:
    """What the file says of an image: without boxes that are none, which are left out with a
    remark."""
    return [
        one
        for one in plain.get("annotations", [])
        if one["image_id"] == image.id
        and bool(one.get("iscrowd")) == crowd
        and one.get("bbox")
        and 0 not in one["bbox"][2:]
        and _touches(image, *one["bbox"])
    ]


def _touches(image: AnnotatedImage, x: float, y: float, width: float, height: float) -> bool:
    return x < image.width and y < image.height and x + width > 0 and y + height > 0


def _hold_boxes(image: AnnotatedImage, data: Dataset, plain: Plain) -> None:
    found = ((image.boxes, image.labels, False), (image.crowd_boxes, image.crowd_labels, True))
    for boxes, labels, crowd in found:
        said = _of(image, plain, crowd)
        corners = [(x, y, x + w, y + h) for x, y, w, h in (one["bbox"] for one in said)]
        expected = np.array(corners, np.float64).reshape(-1, 4).astype(np.float32)
        assert np.array_equal(boxes, expected), f"the boxes are {boxes.tolist()}"
        numbers = [data.category_ids[label] for label in labels.tolist()]
        assert numbers == [one["category_id"] for one in said], "boxes have other classes"


def _hold_masks(image: AnnotatedImage, plain: Plain) -> bool:
    """Whether there are masks; they are held against those that pycocotools draws."""
    refusal, mask, labels = (
        _outcome(image.check_mask),
        _outcome(image.mask),
        _outcome(image.label_map),
    )
    for found in (refusal, mask, labels):
        assert isinstance(found, InputError) == isinstance(refusal, InputError), (
            "what is refused by one reader is read by another"
        )
        if isinstance(found, InputError):
            _reason(found)
    if isinstance(mask, InputError) or isinstance(labels, InputError):
        return False
    said = [*_of(image, plain, False), *_of(image, plain, True)]
    drawn = [_drawn(one["segmentation"], image) for one in said]
    union = np.zeros((image.height, image.width), bool)
    for one in drawn:
        union |= one
    assert np.array_equal(mask > 0, union), "the mask is not that of pycocotools"
    classes = [*image.labels.tolist(), *image.crowd_labels.tolist()]
    assert np.array_equal(labels, _labelled(drawn, classes, union)), "pixels have other classes"
    return True


def _drawn(segmentation: Any, image: AnnotatedImage) -> NDArray[np.bool_]:
    from pycocotools import mask as coco_mask

    if isinstance(segmentation, dict) and isinstance(segmentation["counts"], str):
        encoded = segmentation
    else:
        encoded = coco_mask.frPyObjects(segmentation, image.height, image.width)
    if isinstance(encoded, list):  # of polygons
        encoded = coco_mask.merge(encoded)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of NumPy, about its arrays
        found: NDArray[np.bool_] = coco_mask.decode(encoded) > 0
    return found


def _labelled(
    drawn: Sequence[NDArray[np.bool_]], classes: Sequence[int], union: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """The class of each pixel from 1; left out where there are several."""
    found = np.zeros(union.shape, np.int32)
    for one, label in zip(drawn, classes, strict=True):
        others = one & (found != 0) & (found != label + 1)
        found[one] = label + 1
        found[others] = LEFT_OUT
    return found


campaign = one_by_one(attempt)

if __name__ == "__main__":
    main(campaign)
