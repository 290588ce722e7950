"""Data sets of annotated images, read from COCO JSON and written as such."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from netzoo.data.coco.checks import check_coco
from netzoo.data.coco.format import (
    CocoAnnotation,
    CocoCategory,
    CocoFile,
    CocoImage,
    Naming,
    Segmentation,
    by_id,
    load_coco_json,
    save_coco_json,
)
from netzoo.data.coco.segments import check_segment, draw_mask
from netzoo.data.coco.tidying import tidy
from netzoo.data.faults import STOP, Faults
from netzoo.data.fingerprint import fingerprint
from netzoo.data.masks.index import IndexMask
from netzoo.data.masks.label_maps import draw_labels
from netzoo.data.pictures.images import (
    find_image_files,
    read_picture,
    remarks_on_turned,
)
from sizewise.core.errors import InputError
from sizewise.core.files import output_error

_LARGEST_AREA = 1e10
"""The end of COCO's largest range of areas."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnotatedImage:
    """One picture and what is in it.

    Boxes are float32 [K, 4], x0 y0 x1 y1 in the picture's pixels; labels int64 [K], from 0.
    Crowd boxes (``iscrowd``) mark groups that nobody counted: evaluation ignores what it finds
    there, and training does not see them. ``segments`` belong to boxes, then crowd boxes, and so do
    ``areas``: pixels that each covers, as its annotation says (none: its box). Where masks are
    files, ``mask_file`` is the image's own, and there are no boxes.
    """

    id: int
    path: Path
    height: int
    width: int
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    crowd_boxes: NDArray[np.float32]
    crowd_labels: NDArray[np.int64]
    segments: tuple[Segmentation | None, ...]
    mask_file: IndexMask | None = None
    areas: tuple[float, ...] = ()

    def read(self) -> NDArray[np.uint8]:
        """The picture, RGB [H, W, 3]. Raises InputError where it is not what the JSON says."""
        return read_picture(self.path, self.height, self.width)

    def mask(self) -> NDArray[np.uint8]:
        """1 where any object is, 0 elsewhere, [H, W]. Raises InputError without segmentations."""
        if self.mask_file:
            return (self.label_map() > 0).astype(np.uint8)
        segments = self._all_segments()
        with _naming(self.path):
            return draw_mask(segments, self.height, self.width)

    def label_map(self) -> NDArray[np.int32]:
        """The label of each pixel [H, W] (``netzoo.data.masks.label_maps``). Raises InputError as
        :meth:`mask` does."""
        if self.mask_file:
            return self.mask_file.read(self.height, self.width)
        segments = self._all_segments()
        labels = np.concatenate([self.labels, self.crowd_labels]).tolist()
        with _naming(self.path):
            return draw_labels(segments, labels, self.height, self.width)

    def check_mask(self) -> None:
        """Raise InputError where there is no mask, without the cost of drawing it."""
        if self.mask_file:
            self.label_map()
        with _naming(self.path):
            for segment in self._all_segments():
                check_segment(segment, self.height, self.width)

    def _all_segments(self) -> list[Segmentation]:
        segments = [segment for segment in self.segments if segment is not None]
        if len(segments) < len(self.segments):
            raise InputError(
                f"There is no mask for {self.path}",
                f"{len(self.segments) - len(segments)} of its annotations have no segmentation",
                "Use a data set with segmentations, or a detector in place of a segmenter.",
            )
        return segments


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images with boxes of ``classes``: label i is class i, and ``category_ids[i]`` in the JSON.

    ``sha256`` identifies it (see :mod:`netzoo.data.fingerprint`). Where only some of its images are
    taken, ``chosen`` says so in words (:mod:`netzoo.data.choosing`), and ``sha256`` is that of all.
    ``remarks`` are sentences about what was left out. ``background`` says that pixels of no class
    are known to be of none.
    """

    name: str
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    images: tuple[AnnotatedImage, ...]
    sha256: str
    chosen: str = ""
    remarks: tuple[str, ...] = ()
    background: bool = True


def read_coco(
    json_path: Path,
    images_folder: Path | None = None,
    *,
    name: str | None = None,
    faults: Faults = STOP,
) -> Dataset:
    """Read any COCO JSON. What tools leave in it that is no annotation is left out
    (:mod:`netzoo.data.coco.tidying`); nothing else in it is repaired.

    Pictures lie in ``images_folder`` or, where that is not given, beside the JSON or in ``images/``
    beside it. Raises InputError; ``faults`` may skip parts instead.
    """
    file = load_coco_json(json_path)
    return dataset_of(
        file,
        lambda found: find_image_files(found.images, json_path, images_folder, faults),
        name=name or json_path.stem,
        source=json_path,
        faults=faults,
    )


def dataset_of(
    given: CocoFile,
    find: Callable[[CocoFile], Sequence[Path | None]],
    *,
    name: str,
    source: Path,
    faults: Faults = STOP,
    named: Naming = by_id,
) -> Dataset:
    """The data set of a file, or of what was read as one; ``find`` finds its pictures, in order
    (None: it noted why it has none). Annotations are ``named`` in what is said. Raises InputError,
    which names ``source``, or ``faults`` skips parts."""
    tidied = tidy(given, faults, named)
    file = check_coco(tidied.file, source, faults, named)
    file, paths = _there(file, find(file))
    # By id, not as they come: train.json and val.json may list them in different orders.
    categories = sorted(file.categories, key=lambda category: category.id)
    label_of = {category.id: label for label, category in enumerate(categories)}
    by_image: defaultdict[int, list[CocoAnnotation]] = defaultdict(list)
    for annotation in file.annotations:
        by_image[annotation.image_id].append(annotation)
    return Dataset(
        name=name,
        classes=tuple(category.name for category in categories),
        category_ids=tuple(category.id for category in categories),
        images=tuple(
            _annotated(image, path, by_image[image.id], label_of)
            for image, path in zip(file.images, paths, strict=True)
        ),
        sha256=fingerprint(file, paths),
        remarks=(*tidied.remarks, *remarks_on_turned(file.images, paths)),
    )


def _there(file: CocoFile, paths: Sequence[Path | None]) -> tuple[CocoFile, Sequence[Path]]:
    """The part of a file whose pictures are there."""
    kept = [(one, path) for one, path in zip(file.images, paths, strict=True) if path is not None]
    if len(kept) == len(paths):
        return file, [path for _, path in kept]
    ids = {image.id for image, _ in kept}
    return (
        CocoFile(
            images=[image for image, _ in kept],
            annotations=[one for one in file.annotations if one.image_id in ids],
            categories=file.categories,
        ),
        [path for _, path in kept],
    )


def _annotated(
    image: CocoImage, path: Path, found: list[CocoAnnotation], label_of: dict[int, int]
) -> AnnotatedImage:
    single = [a for a in found if not a.iscrowd]
    crowd = [a for a in found if a.iscrowd]
    return AnnotatedImage(
        id=image.id,
        path=path,
        height=image.height,
        width=image.width,
        boxes=_corners(single),
        labels=np.array([label_of[a.category_id] for a in single], np.int64),
        crowd_boxes=_corners(crowd),
        crowd_labels=np.array([label_of[a.category_id] for a in crowd], np.int64),
        segments=tuple(a.segmentation or None for a in (*single, *crowd)),
        areas=tuple(map(_said_area, (*single, *crowd))),
    )


def _said_area(annotation: CocoAnnotation) -> float:
    """That of the box where none is said, or one that COCO's own program leaves out."""
    said = annotation.area
    if isinstance(said, float) and 0 <= said <= _LARGEST_AREA:
        return said
    _, _, width, height = annotation.bbox or (0.0,) * 4
    return width * height


def _corners(annotations: list[CocoAnnotation]) -> NDArray[np.float32]:
    boxes = np.array([a.bbox for a in annotations], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes.astype(np.float32)


def write_coco(dataset: Dataset, json_path: Path, images_folder: Path | None = None) -> None:
    """Write the JSON, without the pictures; file names are relative to ``images_folder``, or else
    to the JSON's folder.

    Raises InputError where a picture lies elsewhere, OutputError where it can't be written.
    """
    folder = (images_folder or json_path.parent).resolve()
    annotations: list[CocoAnnotation] = []
    for image in dataset.images:
        annotations += _annotations(image, dataset.category_ids, len(annotations) + 1)
    file = CocoFile(
        images=[
            CocoImage(
                id=image.id,
                file_name=_relative(image.path, folder),
                height=image.height,
                width=image.width,
            )
            for image in dataset.images
        ],
        annotations=annotations,
        categories=[
            CocoCategory(id=number, name=name)
            for number, name in zip(dataset.category_ids, dataset.classes, strict=True)
        ],
    )
    try:
        save_coco_json(file, json_path)
    except OSError as error:
        raise output_error(json_path, error) from error


def _annotations(
    image: AnnotatedImage, category_ids: tuple[int, ...], first_id: int
) -> list[CocoAnnotation]:
    boxes = np.concatenate([image.boxes, image.crowd_boxes]).astype(np.float64)
    labels = np.concatenate([image.labels, image.crowd_labels])
    found = []
    for k, ((x0, y0, x1, y1), label, segment) in enumerate(
        zip(boxes.tolist(), labels.tolist(), image.segments, strict=True)
    ):
        width, height = x1 - x0, y1 - y0
        found.append(
            CocoAnnotation(
                id=first_id + k,
                image_id=image.id,
                category_id=category_ids[label],
                bbox=(x0, y0, width, height),
                area=_area_to_write(image, k, width * height),
                iscrowd=int(k >= len(image.boxes)),
                segmentation=segment or UNSET,
            )
        )
    return found


def _area_to_write(image: AnnotatedImage, place: int, of_box: float) -> float:
    """What was read or, in images that were not, the area of the mask or of the box. Raises
    InputError for a malformed segmentation."""
    segment = image.segments[place]
    with _naming(image.path):
        if segment:
            check_segment(segment, image.height, image.width)
        if image.areas:
            return image.areas[place]
        if segment:
            return float(draw_mask([segment], image.height, image.width).sum())
    return of_box


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn the ValueError about a malformed segmentation into an InputError that names its
    picture."""
    try:
        yield
    except ValueError as error:
        raise InputError(
            f"The segmentations of {path} can't be used",
            str(error),
            "Export the data set's segmentations again.",
        ) from error


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.resolve().relative_to(folder).as_posix()
    except ValueError as error:
        raise InputError(
            f"{path} can't be named in the COCO JSON",
            f"it does not lie in {folder}",
            "Give the folder that holds all the pictures.",
        ) from error
