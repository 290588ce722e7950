"""Outputs of a detector → boxes: read by their layout, then NMS.

This file is part of a package that sizewise wrote. It needs NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_MOST_CANDIDATES = 4096
_CHOSEN = ("sizewise_nms", "b_n_6")


def detect(outputs: dict[str, Any], reading: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Boxes float32 [K, 4], x0 y0 x1 y1 in pixels of the input, scores float32 [K] and classes
    int64 [K], best first; ``outputs`` are for a batch of one. Raises ValueError for outputs that
    are no numbers."""
    if reading["layout"] in _CHOSEN:
        return _chosen(outputs, reading)
    boxes, scores = (part[0].astype(np.float32) for part in _LAYOUTS[reading["layout"]](outputs))
    rows, labels = np.nonzero(scores > reading["score_threshold"])
    best = _best_first(scores[rows, labels])
    rows, labels = rows[best], labels[best]
    candidates = boxes[rows]
    _demand_numbers(scores, candidates)
    kept = _kept(candidates, labels, reading["iou_threshold"], reading["max_detections"])
    return candidates[kept], scores[rows[kept], labels[kept]], labels[kept].astype(np.int64)


def _chosen(outputs: dict[str, Any], reading: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Rows [1, K, 6] that the graph chose itself: box, score, class; below 0: no box."""
    rows = _table(outputs)[0]
    _demand_numbers(rows, rows)
    rows = rows[rows[:, 5] >= 0]
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    scores = rows[:, 4].astype(np.float32)
    kept = np.flatnonzero(scores > reading["score_threshold"])[: reading["max_detections"]]
    return rows[kept, :4].astype(np.float32), scores[kept], rows[kept, 5].astype(np.int64)


def _table(outputs: dict[str, Any]) -> Any:
    (found,) = (array for array in outputs.values() if array.ndim == 3)
    return found


def _boxes_and_scores(outputs: dict[str, Any]) -> tuple[Any, Any]:
    return outputs["boxes"], outputs["scores"]


def _b_4c_n(outputs: dict[str, Any]) -> tuple[Any, Any]:
    table = _table(outputs).transpose(0, 2, 1)
    return _corners(table[..., :4]), table[..., 4:]


def _b_n_5c(outputs: dict[str, Any]) -> tuple[Any, Any]:
    table = _table(outputs)
    return _corners(table[..., :4]), table[..., 4:5] * table[..., 5:]


_LAYOUTS = {"sizewise": _boxes_and_scores, "b_4c_n": _b_4c_n, "b_n_5c": _b_n_5c}
LAYOUTS = (*_LAYOUTS, *_CHOSEN)
"""The layouts that are read here (docs/models.md of sizewise explains them)."""


def _corners(boxes: Any) -> Any:
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def _demand_numbers(scores: Any, boxes: Any) -> None:
    if np.isnan(scores).any() or not np.isfinite(boxes).all():
        raise ValueError("the network's outputs are no detections: NaN, or boxes without end")


def _best_first(scores: Any) -> Any:
    chosen = np.arange(len(scores))
    if len(scores) > _MOST_CANDIDATES:
        chosen = np.sort(np.argpartition(-scores, _MOST_CANDIDATES - 1)[:_MOST_CANDIDATES])
    return chosen[np.argsort(-scores[chosen], kind="stable")]


def _kept(boxes: Any, labels: Any, iou_threshold: float, most: int) -> Any:
    """Places of the boxes that stay, of boxes that are sorted best first: a better one of the same
    class that overlaps one by more than ``iou_threshold`` removes it."""
    kept: list[int] = []
    of_class: dict[int, list[int]] = {}
    for place, label in enumerate(labels.tolist()):
        better = of_class.setdefault(label, [])
        if not (_iou(boxes[better], boxes[place]) > iou_threshold).any():
            kept.append(place)
            better.append(place)
            if len(kept) == most:
                break
    return np.array(kept, np.int64)


def _iou(boxes: Any, box: Any) -> Any:
    """Of each of [N, 4] with ``box`` [4]; 0 without area."""
    low = np.maximum(boxes[:, :2], box[:2])
    sides = (np.minimum(boxes[:, 2:], box[2:]) - low).clip(0)
    shared = sides[:, 0] * sides[:, 1]
    union = _areas(boxes) + _areas(box[np.newaxis]) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _areas(boxes: Any) -> Any:
    sides = (boxes[:, 2:] - boxes[:, :2]).clip(0)
    return sides[:, 0] * sides[:, 1]
