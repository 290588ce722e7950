"""Boxes that a graph points at: all candidates, their scores, and a list of places in both.

The list is that of ONNX's NonMaxSuppression: image, class and candidate of each chosen box. The
ONNX model zoo's YOLOv3 gives it (as [1, M, 3] in its tiny form), with names that say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netzoo.tasks.chosen.demands import LayoutError
from netzoo.tasks.chosen.roles import fit, specs_of
from sizewise.core.specs import TensorSpec

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Indexed:
    """The names of the outputs."""

    boxes: str
    scores: str
    indices: str


def find_indexed(outputs: Sequence[TensorSpec]) -> Indexed | None:
    """The outputs that hold boxes [B, N, 4], scores [B, C, N] and indices [M, 3] or [1, M, 3] in
    whole numbers; None where they can't be told."""
    tables = [one for one in outputs if len(one.shape) == 3 and "float" in one.dtype]
    pairs = [
        (boxes, scores)
        for boxes in tables
        for scores in tables
        if scores is not boxes and boxes.shape[2] == 4 and _are_of(boxes, scores)
    ]
    listed = [one for one in outputs if _is_list(one)]
    if len(pairs) != 1 or len(listed) != 1:
        return None
    (boxes, scores), (indices,) = pairs[0], listed
    return Indexed(boxes=boxes.name, scores=scores.name, indices=indices.name)


def indexed_rows(outputs: Mapping[str, Array]) -> tuple[Array, ...]:
    """The rows of each image, [K, 6]: x0, y0, x1, y1, score, label.

    There, boxes are y0, x0, y1, x1. Places below 0 are not used. Raises LayoutError.
    """
    found = find_indexed(specs_of(outputs))
    if found is None:
        raise LayoutError(
            "boxes [B, N, 4], scores [B, C, N] and indices [M, 3] in whole numbers are needed"
        )
    boxes, scores = outputs[found.boxes], outputs[found.scores]
    places = outputs[found.indices].reshape(-1, 3)
    places = places[(places >= 0).all(axis=1)].astype(np.int64)
    if (places >= scores.shape).any():
        raise LayoutError(
            f"its indices point at {places.max(axis=0).tolist()} (image, class, box), beyond the "
            f"scores {list(scores.shape)}"
        )
    images, labels, candidates = places.T
    corners = boxes[images, candidates][:, [1, 0, 3, 2]]
    columns = (scores[images, labels, candidates], labels)
    rows = np.concatenate([corners, *(one[:, np.newaxis] for one in columns)], axis=1)
    return tuple(rows[images == image] for image in range(len(boxes)))


def _are_of(boxes: TensorSpec, scores: TensorSpec) -> bool:
    """Whether ``scores`` [B, C, N] may be of ``boxes`` [B, N, 4]."""
    return fit((scores.shape[0], scores.shape[2]), boxes.shape[:2])


def _is_list(one: TensorSpec) -> bool:
    of_one = len(one.shape) == 3 and one.shape[0] == 1
    return "int" in one.dtype and (len(one.shape) == 2 or of_one) and one.shape[-1] == 3
