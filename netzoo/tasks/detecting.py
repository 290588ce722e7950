"""Outputs of a detector → detections: read by their layout, then NMS, once."""

from __future__ import annotations

import numpy as np

from netzoo.tasks.layouts import SUPPRESSED, Outputs, read_detections, read_suppressed
from netzoo.tasks.suppression import Detections, demand_numbers, suppress
from netzoo.tasks.wordtree import WordTree
from sizewise.core.specs import Suppression


def detect(
    layout: str,
    outputs: Outputs,
    suppression: Suppression,
    *,
    class_count: int | None = None,
    tree: WordTree | None = None,
    tree_threshold: float = 0.5,
) -> tuple[Detections, ...]:
    """What is in each image of a batch, boxes in input pixels.

    Where the graph does NMS itself, its boxes are only cut to the score threshold and the number of
    ``suppression``. With ``tree``, each box gets the one label that a descent along probabilities
    above ``tree_threshold`` reaches. Raises UsageError, InputError where the outputs do not have
    the layout, InferenceError (numerics) for NaN.
    """
    if layout == SUPPRESSED:
        left = read_suppressed(outputs, class_count=class_count)
        return tuple(_cut(found, suppression) for found in left)
    boxes, scores = read_detections(layout, outputs, class_count=class_count)
    if tree is not None:
        demand_numbers(scores, np.empty(0, np.float32))
        scores = np.stack([tree.only_reached(image, tree_threshold) for image in scores])
    return tuple(
        suppress(
            *image,
            score_threshold=suppression.score_threshold,
            iou_threshold=suppression.iou_threshold,
            max_detections=suppression.max_detections,
        )
        for image in zip(boxes, scores, strict=True)
    )


def _cut(found: Detections, suppression: Suppression) -> Detections:
    kept = np.flatnonzero(found.scores > suppression.score_threshold)[: suppression.max_detections]
    return Detections(boxes=found.boxes[kept], scores=found.scores[kept], labels=found.labels[kept])
