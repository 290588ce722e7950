"""What COCO's own program has matched in each image, as evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sizewise.core.evidence import DetectionEvidence
from sizewise.core.evidence.base import images_hash
from sizewise.core.evidence.detections import PIXEL, THRESHOLDS

Columns = Mapping[str, NDArray[Any]]


def read_evaluation(evaluation: Any, boxes: NDArray[np.float64]) -> DetectionEvidence:
    """The evidence in a COCOeval that has evaluated, its first range of areas being all of them.

    ``boxes`` [N, 4] are those of its results in the order of their ids (from 1): x, y, width and
    height in pixels.
    """
    ids = list(evaluation.params.imgIds)
    found, objects = _examined(_of_any_area(evaluation, len(ids)), len(ids))
    sides = boxes[found["id"] - 1]
    x0, y0 = sides[:, 0], sides[:, 1]
    return DetectionEvidence(
        count=len(ids),
        images=images_hash(int(number) for number in ids),
        image=found["image"],
        label=found["label"],
        score=found["score"],
        x0=_fixed(x0),
        y0=_fixed(y0),
        x1=_fixed(x0 + sides[:, 2]),
        y1=_fixed(y0 + sides[:, 3]),
        matched=found["matched"],
        ignored=found["ignored"],
        object_image=objects["image"],
        object_label=objects["label"],
    )


def _of_any_area(evaluation: Any, images: int) -> list[dict[str, Any] | None]:
    """Entries go class by class, range by range and image by image."""
    ranges = len(evaluation.params.areaRng)
    entries = enumerate(evaluation.evalImgs)
    return [entry for place, entry in entries if place // images % ranges == 0]


def _examined(entries: list[dict[str, Any] | None], images: int) -> tuple[Columns, Columns]:
    """Detections and objects, image by image and class by class. Entries go class by class."""
    known = [(divmod(place, images), entry) for place, entry in enumerate(entries) if entry]
    known.sort(key=lambda one: (one[0][1], one[0][0]))
    found = [_detections(entry) for _, entry in known]
    objects = [int(np.count_nonzero(np.asarray(entry["gtIgnore"]) == 0)) for _, entry in known]
    labels = np.array([label for (label, _), _ in known], np.int64)
    places = np.array([image for (_, image), _ in known], np.int64)
    counts = [len(one["id"]) for one in found]
    detections = {name: _joined([one[name] for one in found]) for name in found[0]}
    return (
        detections | {"image": np.repeat(places, counts), "label": np.repeat(labels, counts)},
        {"image": np.repeat(places, objects), "label": np.repeat(labels, objects)},
    )


def _detections(entry: Mapping[str, Any]) -> Columns:
    """The detections of one class in one image, best first."""
    ignored = np.asarray(entry["dtIgnore"], np.bool_)
    matched = (np.asarray(entry["dtMatches"]) > 0) & ~ignored
    bits = 1 << np.arange(THRESHOLDS)
    return {
        "id": np.array(entry["dtIds"], np.int64),
        "score": np.array(entry["dtScores"], np.float32),
        "matched": bits @ matched,
        "ignored": bits @ ignored,
    }


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts)


def _fixed(pixels: NDArray[np.float64]) -> NDArray[np.int32]:
    """In sixteenths of a pixel; what no picture has is cut off."""
    most = np.iinfo(np.int32).max
    return np.clip(np.rint(pixels * PIXEL), -most, most).astype(np.int32)
