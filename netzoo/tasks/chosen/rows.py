"""Boxes that a graph chose itself, by NMS or without, in the forms that exporters give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netzoo.tasks.chosen.demands import LayoutError
from netzoo.tasks.chosen.indexed import indexed_rows
from netzoo.tasks.chosen.roles import Roles, find_roles, specs_of
from netzoo.tasks.chosen.tensorflow import tensorflow_rows
from sizewise.core.specs import (
    BESIDE_LAYOUT,
    FINAL_LAYOUT,
    INDEXED_LAYOUT,
    NMS_LAYOUT,
    SEPARATE_LAYOUT,
    TENSORFLOW_LAYOUT,
    Size,
    TensorSpec,
)

Array = NDArray[Any]
Outputs = Mapping[str, Array]
LISTS = {"m_7": 7, "m_6": 6}
"""How many columns a list has, by layout."""
_BATCHES = ("b", "batch", "batch_size", "n")


def chosen_rows(layout: str, outputs: Outputs, size: Size | None = None) -> tuple[Array, ...]:
    """The rows of each image, [K, 6]: x0, y0, x1, y1 in input pixels, score, label.

    Of lists of rows [M, 7] and [M, 6], those of one image. The ``size`` of the input is needed
    where boxes are shares of its sides. Raises LayoutError, and InferenceError (numerics) for a
    number of rows that is none.
    """
    if layout == TENSORFLOW_LAYOUT:
        if size is None:
            raise ValueError("shares of the sides are no pixels without a size")
        return tensorflow_rows(outputs, size)
    return _READERS[layout](outputs)


def only_output(outputs: Outputs) -> Array:
    """The output with three axes. Raises LayoutError unless there is one."""
    found = [array for array in outputs.values() if array.ndim == 3]
    if len(found) != 1:
        raise LayoutError("a single output with three axes is needed")
    return found[0]


def _ours(outputs: Outputs) -> tuple[Array, ...]:
    return _of_images(outputs.get("detections", np.empty(0)), "an output named detections")


def _b_n_6(outputs: Outputs) -> tuple[Array, ...]:
    return _of_images(only_output(outputs), "an output")


def _of_images(rows: Array, needed: str) -> tuple[Array, ...]:
    if rows.ndim != 3 or rows.shape[2] != 6:
        raise LayoutError(f"{needed} [B, K, 6] is needed")
    return tuple(rows)


def _boxes_scores_labels(outputs: Outputs) -> tuple[Array, ...]:
    found = _roles(SEPARATE_LAYOUT, outputs, "boxes [B, N, 4], scores [B, N] and labels [B, N]")
    columns = (outputs[name][..., np.newaxis] for name in (found.scores, found.labels))
    return _joined(outputs[found.boxes], *columns)


def _dets_labels(outputs: Outputs) -> tuple[Array, ...]:
    found = _roles(BESIDE_LAYOUT, outputs, "dets [B, N, 5] and labels [B, N]")
    return _joined(outputs[found.boxes], outputs[found.labels][..., np.newaxis])


def _boxes_scores(outputs: Outputs) -> tuple[Array, ...]:
    found = _roles("boxes_scores", outputs, "boxes [B, N, 4] and scores [B, N]")
    scores = outputs[found.scores][..., np.newaxis]
    return _joined(outputs[found.boxes], scores, np.zeros_like(scores))


def _dets(outputs: Outputs) -> tuple[Array, ...]:
    rows = outputs[_roles("dets", outputs, "dets [B, N, 5]").boxes]
    return _joined(rows, np.zeros_like(rows[..., :1]))


def _roles(layout: str, outputs: Outputs, needed: str) -> Roles:
    if (found := find_roles(layout, specs_of(outputs))) is None:
        raise LayoutError(f"{needed} are needed, or of one image without B")
    return found


def _joined(*columns: Array) -> tuple[Array, ...]:
    """Of [B, N, K] each, or of one image [N, K]."""
    rows = np.concatenate(columns, axis=-1)
    return tuple(rows) if rows.ndim == 3 else (rows,)


def _m_7(outputs: Outputs) -> tuple[Array, ...]:
    """Image, x0, y0, x1, y1, label, score."""
    rows = _list_of("m_7", outputs, "of image, x0, y0, x1, y1, label and score")
    if len(set(rows[:, 0].tolist())) > 1:
        raise LayoutError("its rows are of several images, and those of one can be read: give one")
    return (rows[:, [1, 2, 3, 4, 6, 5]],)


def _m_6(outputs: Outputs) -> tuple[Array, ...]:
    """Label, score, x0, y0, x1, y1."""
    return (_list_of("m_6", outputs, "of label, score, x0, y0, x1 and y1")[:, [2, 3, 4, 5, 1, 0]],)


def fitting_lists(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """The layouts of lists that outputs of these shapes may have: as many rows as there are boxes
    in all images, so that their number is free and not the batch."""
    lists = [one for one in outputs if len(one.shape) == 2 and "float" in one.dtype]
    rows, columns = lists[0].shape if len(lists) == 1 else (0, 0)
    free = isinstance(rows, str) and rows.lower() not in _BATCHES
    return tuple(name for name, width in LISTS.items() if free and columns == width)


def _list_of(layout: str, outputs: Outputs, what: str) -> Array:
    columns = LISTS[layout]
    found = [one for one in outputs.values() if one.ndim == 2 and one.shape[1] == columns]
    if len(found) != 1:
        raise LayoutError(f"an output [M, {columns}] {what} is needed, in a batch of one image")
    return found[0]


_READERS: dict[str, Callable[[Outputs], tuple[Array, ...]]] = {
    NMS_LAYOUT: _ours,
    FINAL_LAYOUT: _b_n_6,
    SEPARATE_LAYOUT: _boxes_scores_labels,
    BESIDE_LAYOUT: _dets_labels,
    "m_7": _m_7,
    "m_6": _m_6,
    "boxes_scores": _boxes_scores,
    "dets": _dets,
    INDEXED_LAYOUT: indexed_rows,
}
