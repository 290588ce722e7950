"""Outputs of a detector → detections: read by their layout, then NMS, once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netzoo.tasks.boxes.suppression import Detections, demand_numbers, suppress
from netzoo.tasks.layouts import CHOSEN, Outputs, read_detections, read_suppressed
from netzoo.tasks.wordtree import WordTree
from sizewise.core.specs import Size, Suppression


def detect(
    layout: str,
    outputs: Outputs,
    suppression: Suppression,
    *,
    class_count: int | None = None,
    size: Size | None = None,
    columns: NDArray[np.int64] | None = None,
    tree: WordTree | None = None,
    tree_threshold: float = 0.5,
) -> tuple[Detections, ...]:
    """What is in each image of a batch, boxes in input pixels.

    Where the graph does NMS itself, its boxes are only cut to the score threshold and the number of
    ``suppression``; ``size`` is that of the input, which boxes as shares of its sides need. With
    ``columns``, these classes alone are looked for, and labels count them. With ``tree``, each box
    gets the one label that a descent along probabilities above ``tree_threshold`` reaches. Raises
    UsageError, InputError where the outputs do not have the layout, InferenceError (numerics) for
    NaN.
    """
    if layout in CHOSEN:
        left = read_suppressed(outputs, class_count=class_count, layout=layout, size=size)
        return tuple(_cut(_of(columns, found), suppression) for found in left)
    boxes, scores = read_detections(layout, outputs, class_count=class_count)
    if columns is not None:
        scores = scores[..., columns]
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


def _of(columns: NDArray[np.int64] | None, found: Detections) -> Detections:
    """Those of the classes in ``columns``, whose places are their labels then."""
    if columns is None:
        return found
    label_of = {int(column): label for label, column in enumerate(columns)}
    kept = [place for place, label in enumerate(found.labels.tolist()) if label in label_of]
    labels = [label_of[label] for label in found.labels[kept].tolist()]
    return Detections(
        boxes=found.boxes[kept], scores=found.scores[kept], labels=np.array(labels, np.int64)
    )


def _cut(found: Detections, suppression: Suppression) -> Detections:
    kept = np.flatnonzero(found.scores > suppression.score_threshold)[: suppression.max_detections]
    return Detections(boxes=found.boxes[kept], scores=found.scores[kept], labels=found.labels[kept])
