"""Outputs of TensorFlow's object detection API, as tf2onnx names them.

``detection_boxes`` [B, N, 4], ``detection_scores`` [B, N], ``detection_classes`` [B, N] and
``num_detections`` [B], or the same of one image without B. Files give others beside them: all
candidates before NMS (``raw_detection_boxes``), masks, keypoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netzoo.tasks.boxes.suppression import demand_numbers
from netzoo.tasks.chosen.demands import LayoutError, demand_fractions
from netzoo.tasks.chosen.roles import Roles, specs_of
from sizewise.core.specs import Size, TensorSpec

Array = NDArray[Any]
_ROLES = {
    "boxes": ("detection_boxes", (2, 3)),
    "scores": ("detection_scores", (1, 2)),
    "labels": ("detection_classes", (1, 2)),
}
"""The name of each output, without a graph's prefix and number (``:0``), and how many axes it may
have."""
_COUNT = "num_detections"


def find_tensorflow(outputs: Sequence[TensorSpec]) -> Roles | None:
    """The outputs by their names; None unless there are all, but for the number of detections."""
    by_name = {one.name.rpartition("/")[2].partition(":")[0]: one for one in outputs}
    found = {
        role: by_name[name].name
        for role, (name, axes) in _ROLES.items()
        if name in by_name and len(by_name[name].shape) in axes
    }
    count = by_name[_COUNT].name if _COUNT in by_name else ""
    return Roles(**found, count=count) if len(found) == len(_ROLES) else None


def tensorflow_rows(outputs: Mapping[str, Array], size: Size) -> tuple[Array, ...]:
    """The rows of each image, [K, 6]: x0, y0, x1, y1 in pixels of the input of ``size``, score,
    label.

    There, boxes are y0, x0, y1, x1 as shares of the sides, and classes count from 1. Where rows are
    counted, the first ``num_detections`` of an image are used. Raises LayoutError, and
    InferenceError (numerics) where a count is no number.
    """
    found = find_tensorflow(specs_of(outputs))
    if found is None:
        needed = ", ".join(name for name, _ in _ROLES.values())
        raise LayoutError(f"outputs named {needed} are needed")
    boxes, scores, classes = (outputs[name] for name in (found.boxes, found.scores, found.labels))
    if boxes.shape != (*scores.shape, 4) or classes.shape != scores.shape:
        raise LayoutError("boxes [B, N, 4], scores [B, N] and classes [B, N] are needed")
    sides = np.array((size.width, size.height) * 2, np.float32)
    corners = boxes[..., [1, 0, 3, 2]] * sides
    beside = (one[..., np.newaxis] for one in (scores, classes - 1.0))
    rows = np.concatenate([corners, *beside], axis=-1)
    images = rows if rows.ndim == 3 else rows[np.newaxis]
    used = _counted(images, outputs[found.count].ravel()) if found.count else tuple(images)
    for one in used:
        demand_fractions(one[one[:, 4] > 0, :4] / sides)
    return used


def _counted(images: Array, counts: Array) -> tuple[Array, ...]:
    demand_numbers(counts, counts)
    if len(counts) != len(images):
        raise LayoutError(f"it counts the detections of {len(counts)} images, not {len(images)}")
    return tuple(one[: max(0, int(count))] for one, count in zip(images, counts, strict=True))
