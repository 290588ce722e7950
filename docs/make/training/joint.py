"""YOLO9000 on classes that had no boxes (python -m docs.make.training.joint):
reports/measured/training-joint.json, from which docs/training-measured.md is made
(python -m docs.make.training.tables).

Of the ten digits, those of :data:`UNBOXED` have no boxes in training: no picture with boxes shows
one. They are seen in classified pictures alone, as every other digit is (Redmon and Farhadi 2017,
YOLO9000, §4). One training has boxes alone; another goes on from it with both kinds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec
import numpy as np
from PIL import Image

from docs.make.method.records import now, origin, write_record
from docs.make.pages import HOUSE
from docs.make.training.figures import Run
from docs.make.training.running import OUT, Asked, outcomes
from netzoo.data.coco.dataset import AnnotatedImage, read_coco
from netzoo.data.coco.format import CocoFile, load_coco_json, save_coco_json
from netzoo.data.sets.digits import make_digits

NAME = "training-joint"
UNBOXED = ("3", "6", "9")
DATA = OUT / "tree-data"
_BOXED, _CLASSIFIED = DATA / "boxes", DATA / "classes"
_COUNTS = {"train": 4000, "val": 400}
_SIDES = 3
"""The side of a classified picture, in longest sides of its digit."""
_PICTURES = 300
"""Classified pictures of each digit."""
_NETWORK = ("yolo9000", "--width", "0.25", "--tree", "examples/digits.tree")
_ALIKE = ("--sizes", "224:416:32", "--augment", "light", "--flip", "0", "--validate-every", "0")
SIDES = (320, 416)
STAGES = {"tree-boxes": "boxes alone", "tree-joint": "then both kinds"}


def asked() -> Iterator[Asked]:
    data = str(_BOXED.relative_to(HOUSE))
    sizes = dict.fromkeys(("coco", "voc"), ",".join(map(str, SIDES)))
    told = (*_NETWORK, "--data", data, *_ALIKE)
    boxes = Asked(
        name="tree-boxes",
        arguments=(*told, "--loss", "paper", "--steps", "800"),
        sizes=sizes,
        data=data,
    )
    yield boxes
    classified = ("--classification-data", str(_CLASSIFIED.relative_to(HOUSE)))
    weights = ("--weights", str((boxes.folder / "yolo9000.safetensors").relative_to(HOUSE)))
    yield Asked(
        name="tree-joint",
        arguments=(*told, *weights, *classified, "--loss", "joint", "--steps", "800"),
        sizes=sizes,
        data=data,
    )


def of_classes(
    run: Run, side: int, metric: str, unboxed: Collection[str], *, without: bool
) -> list[float]:
    """AP of the classes that had no boxes, or of the others."""
    found = run.ap_by_class(side, metric)
    return [ap for name, ap in found.items() if (name in unboxed) == without]


def make_data() -> None:
    """Pictures with boxes that show no digit of :data:`UNBOXED`; and pictures of one digit, with
    what is around it, from those that do."""
    if _CLASSIFIED.exists():
        return
    _BOXED.mkdir(parents=True, exist_ok=True)
    make_digits(_BOXED, _COUNTS, seed=0)
    everything = _BOXED / "train.json"
    file, images = load_coco_json(everything), read_coco(everything).images
    unboxed = {category.id for category in file.categories if category.name in UNBOXED}
    shown = {one.image_id for one in file.annotations if one.category_id in unboxed}
    _save_classified([image for image in images if image.id in shown], file)
    save_coco_json(_without(file, shown), everything)


def _without(file: CocoFile, left_out: set[int]) -> CocoFile:
    return msgspec.structs.replace(
        file,
        images=[image for image in file.images if image.id not in left_out],
        annotations=[one for one in file.annotations if one.image_id not in left_out],
    )


def _save_classified(images: Sequence[AnnotatedImage], file: CocoFile) -> None:
    names = [category.name for category in file.categories]
    counts = dict.fromkeys(names, 0)
    for image in images:
        picture = image.read()
        for place, label in enumerate(image.labels.tolist()):
            x0, y0, x1, y1 = _around(image, place)
            name = names[label]
            if counts[name] < _PICTURES and _is_alone(image, place):
                counts[name] += 1
                folder = _CLASSIFIED / "train" / name
                folder.mkdir(parents=True, exist_ok=True)
                part = Image.fromarray(picture[y0:y1, x0:x1])
                part.save(folder / f"{counts[name]:03}.png")


def _around(image: AnnotatedImage, place: int) -> tuple[int, int, int, int]:
    """A square around a box, cut off at the border of its picture."""
    box = image.boxes[place]
    centre, half = (box[:2] + box[2:]) / 2, _SIDES / 2 * max(box[2:] - box[:2])
    x0, y0 = np.maximum(0, np.round(centre - half)).astype(int).tolist()
    x1, y1 = np.round(centre + half).astype(int).tolist()
    return x0, y0, min(x1, image.width), min(y1, image.height)


def _is_alone(image: AnnotatedImage, place: int) -> bool:
    """Whether no other box reaches into the square around this one."""
    x0, y0, x1, y1 = _around(image, place)
    others = np.delete(image.boxes, place, axis=0)
    apart = (
        (others[:, 2] <= x0) | (others[:, 0] >= x1) | (others[:, 3] <= y0) | (others[:, 1] >= y1)
    )
    return bool(apart.all())


def main() -> None:
    started, before = now(), origin()
    make_data()
    runs = [run for one in asked() for run in outcomes([one])]
    record = {"started": started, "ended": now(), "origin": before, "unboxed": UNBOXED}
    write_record(NAME, record | {"runs": runs})


if __name__ == "__main__":
    main()
