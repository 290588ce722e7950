"""A small model of detectors: images that are hard or easy, and objects that are found or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from sizewise.core.evidence import DetectionEvidence
from sizewise.core.evidence.base import images_hash

IOUS = np.linspace(0.5, 0.95, 10)
BITS = 1 << np.arange(10)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Images with objects: how hard each image is [N], and image, class and looks of each object
    [G], whether they are easy for any detector."""

    hardness: NDArray[np.float64]
    image: NDArray[np.int64]
    label: NDArray[np.int64]
    looks: NDArray[np.float64]


def scene(random: np.random.Generator, images: int, rates: NDArray[np.float64]) -> Scene:
    """``rates`` [classes]: how many objects of each class an image has on average."""
    counts = random.poisson(rates, (images, len(rates)))
    image, label = np.nonzero(counts)
    image, label = (np.repeat(axis, counts[image, label]) for axis in (image, label))
    return Scene(
        hardness=random.normal(size=images),
        image=image,
        label=label,
        looks=random.normal(size=len(image)),
    )


def detect(
    random: np.random.Generator, seen: Scene, classes: int, *, skill: float = 1.0
) -> DetectionEvidence:
    """What a detector finds. Better boxes have higher scores, and so have objects that are easy;
    false alarms are more in images that are hard."""
    ease = seen.looks - 0.7 * seen.hardness[seen.image]
    clear = skill + 0.8 * ease + 0.5 * random.normal(size=len(ease))
    iou = 0.15 + 0.85 * expit(0.2 + 0.7 * clear + 0.7 * random.normal(size=len(ease)))
    alarms = random.poisson(2 * np.exp(0.5 * seen.hardness))
    image = np.concatenate([seen.image, np.repeat(np.arange(len(alarms)), alarms)])
    label = np.concatenate([seen.label, random.integers(classes, size=alarms.sum())])
    wrong = random.normal(-1.5 - 0.3 * skill, 1.0, alarms.sum())
    score = expit(np.concatenate([clear, wrong])).astype(np.float32)
    matched = np.concatenate([(iou[:, None] >= IOUS) @ BITS, np.zeros(len(wrong), np.int64)])
    order = np.lexsort((-score, label, image))
    nothing = np.zeros(len(score), np.int64)
    by_image = np.lexsort((seen.label, seen.image))
    return DetectionEvidence(
        count=len(seen.hardness),
        images=images_hash(range(len(seen.hardness))),
        image=image[order],
        label=label[order],
        score=score[order],
        x0=nothing,
        y0=nothing,
        x1=nothing,
        y1=nothing,
        matched=matched[order],
        ignored=nothing,
        object_image=seen.image[by_image],
        object_label=seen.label[by_image],
    )
