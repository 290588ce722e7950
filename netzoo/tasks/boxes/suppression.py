"""Non-maximum suppression (NMS), per class: of boxes that overlap, the best stays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sizewise.core.errors import InferenceError

_AT_A_TIME = 256


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
    """Greedy NMS of ``boxes`` [N, 4] with ``scores`` [N, C], each class by itself.

    A box may be found for several classes. What scores above ``score_threshold`` is a candidate,
    and it goes if a better one of its class overlaps it by more than ``iou_threshold``. Only the
    ``max_candidates`` best are considered. A lower one never removes a higher one, so this changes
    nothing unless fewer than ``max_detections`` of them stay. Raises InferenceError (numerics)
    where a score is NaN or a candidate's box is not finite.
    """
    rows, labels = np.nonzero(scores > score_threshold)
    best = _best_first(scores[rows, labels], max_candidates)
    rows, labels = rows[best], labels[best]
    candidates = boxes[rows].astype(np.float32)
    demand_numbers(scores, candidates)
    kept = _greedy(candidates, labels, iou_threshold, max_detections)
    return Detections(
        boxes=candidates[kept],
        scores=scores[rows[kept], labels[kept]].astype(np.float32),
        labels=labels[kept].astype(np.int64),
    )


def demand_numbers(scores: NDArray[np.float32], boxes: NDArray[np.float32]) -> None:
    """Raise InferenceError (numerics) where a score is NaN or a box is not finite."""
    if np.isnan(scores).any() or not np.isfinite(boxes).all():
        raise InferenceError(
            "The network's outputs are no detections",
            "scores are NaN or boxes are not finite",
            "Check the model in FP32, then the precision it was converted to.",
            reason_code="numerics",
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
    """Indices of the boxes that stay, of boxes that are sorted best first.

    A few at a time, as most often few are needed until enough are found.
    """

    def overlaps(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = pairwise_iou(boxes[one], boxes[other]) > iou_threshold
        found &= labels[one][:, None] == labels[other]
        return found

    kept = np.zeros(0, np.int64)
    for start in range(0, len(boxes), _AT_A_TIME):
        next_ones = np.arange(start, min(start + _AT_A_TIME, len(boxes)))
        next_ones = next_ones[~overlaps(next_ones, kept).any(1)]
        kept = np.concatenate([kept, next_ones[_stay(overlaps(next_ones, next_ones))]])
        if len(kept) >= max_detections:
            break
    return kept[:max_detections]


def _stay(overlaps: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of [K, K], best first, stay: those that no better one that stays overlaps."""
    stay = np.ones(len(overlaps), np.bool_)
    for better, row in enumerate(overlaps):
        if stay[better]:
            stay[better + 1 :] &= ~row[better + 1 :]
    return stay


def pairwise_iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of each of [N, 4] with each of [M, 4], [N, M]; 0 without area."""
    left, top, right, bottom = (
        limit(one[:, None, side], other[:, side])
        for side, limit in enumerate((np.maximum, np.maximum, np.minimum, np.minimum))
    )
    shared = (right - left).clip(0) * (bottom - top).clip(0)
    union = _areas(one)[:, None] + _areas(other) - shared
    iou: NDArray[np.float32] = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return iou


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    sides = (boxes[:, 2:] - boxes[:, :2]).clip(0)
    areas: NDArray[np.float32] = sides[:, 0] * sides[:, 1]
    return areas
