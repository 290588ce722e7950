"""Non-maximum suppression, per class: of boxes that overlap, the best stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sizewise.errors import InferenceError


@dataclass(frozen=True, kw_only=True, eq=False)
class Detections:
    """What was found in one picture, best first.

    Boxes float32 [K, 4], x0 y0 x1 y1 in pixels; scores float32 [K], 0–1; labels int64 [K].
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]


def suppress(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    *,
    score_threshold: float,
    iou_threshold: float,
    max_detections: int,
    max_candidates: int = 4096,
) -> Detections:
    """Greedy suppression of ``boxes`` [N, 4] with ``scores`` [N, C], the classes apart.

    A box may be found for several classes. What scores above ``score_threshold`` is a candidate,
    and it goes if a better one of its class overlaps it by more than ``iou_threshold``. Only the
    ``max_candidates`` best are looked at: a lower one never removes a higher one, so this changes
    nothing unless fewer than ``max_detections`` of them stay. Raises InferenceError (numerics)
    where a score is NaN or a candidate's box is not finite.
    """
    rows, labels = np.nonzero(scores > score_threshold)
    best = _best_first(scores[rows, labels], max_candidates)
    rows, labels = rows[best], labels[best]
    candidates = boxes[rows].astype(np.float32)
    if np.isnan(scores).any() or not np.isfinite(candidates).all():
        raise InferenceError(
            "The network's output is no detection",
            "scores are NaN or boxes are not finite",
            "Check the model in FP32, then the precision it was converted to.",
            reason_code="numerics",
        )
    kept = _greedy(candidates, labels, iou_threshold, max_detections)
    return Detections(
        boxes=candidates[kept],
        scores=scores[rows[kept], labels[kept]].astype(np.float32),
        labels=labels[kept].astype(np.int64),
    )


def _best_first(scores: NDArray[np.float32], limit: int) -> NDArray[np.int64]:
    """Indices of the ``limit`` highest, highest first; of equals, the earlier first."""
    chosen = np.arange(len(scores))
    if len(scores) > limit:
        chosen = np.sort(np.argpartition(-scores, limit - 1)[:limit])
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def _greedy(
    boxes: NDArray[np.float32],
    labels: NDArray[np.int64],
    iou_threshold: float,
    max_detections: int,
) -> NDArray[np.int64]:
    kept: list[int] = []
    left = np.arange(len(boxes))
    while len(left) and len(kept) < max_detections:
        first, left = left[0], left[1:]
        kept.append(int(first))
        overlaps = iou_with(boxes[first], boxes[left]) > iou_threshold
        left = left[~(overlaps & (labels[left] == labels[first]))]
    return np.array(kept, np.int64)


def iou_with(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of ``box`` [4] with each of ``boxes`` [N, 4]; 0 without area."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = sides.clip(0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1)
    union = (box[2:] - box[:2]).clip(0).prod() + areas - shared
    iou: NDArray[np.float32] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return iou
