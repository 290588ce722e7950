"""Evidence of detection of any size, made up: as large as that of data sets that people use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sizewise.core.evidence.detections import THRESHOLDS, DetectionEvidence


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How many images and classes there are, and objects and detections in an image."""

    images: int
    classes: int
    objects: int
    detections: int


EXTENTS = {
    "the demo's digits": Extent(images=100, classes=10, objects=4, detections=30),
    "500 images of COCO's": Extent(images=500, classes=80, objects=7, detections=100),
    "COCO's val2017": Extent(images=5000, classes=80, objects=7, detections=100),
}
"""COCO's has 36,335 objects in 5,000 images; a detector that is evaluated at low scores gives a
hundred boxes or more for each."""


def evidence_of(extent: Extent, seed: int = 0) -> DetectionEvidence:
    """A detector that finds nine of ten objects, each up to some IoU threshold; all other
    detections are wrong, and score less."""
    random = np.random.default_rng(seed)
    object_image = np.repeat(np.arange(extent.images), extent.objects)
    object_label = random.integers(extent.classes, size=len(object_image))
    found = random.random(len(object_image)) < 0.9
    wrong = np.repeat(np.arange(extent.images), extent.detections - extent.objects)
    image = np.concatenate([object_image[found], wrong])
    label = np.concatenate([object_label[found], random.integers(extent.classes, size=len(wrong))])
    up_to = random.integers(1, THRESHOLDS + 1, size=int(found.sum()))
    matched = np.concatenate([2**up_to - 1, np.zeros(len(wrong), np.int64)])
    score = np.where(matched, random.uniform(0.2, 1, len(image)), random.beta(1, 8, len(image)))
    order = np.lexsort((-score, label, image))
    nowhere = np.zeros(len(order), np.int32)
    return DetectionEvidence(
        count=extent.images,
        images="these",
        image=image[order].astype(np.uint32),
        label=label[order].astype(np.uint32),
        score=score[order].astype(np.float32),
        **dict.fromkeys(("x0", "y0", "x1", "y1"), nowhere),
        matched=matched[order].astype(np.uint16),
        ignored=np.zeros(len(order), np.uint16),
        object_image=object_image.astype(np.uint32),
        object_label=object_label.astype(np.uint32),
    )
