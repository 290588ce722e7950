"""How a detector's outputs are read: our own contract and the layouts that others export.

A layout says where boxes and scores stand in the outputs. To add one, declare its channels in
``netzoo.tasks.parts``, and add a function here and its line in ``_LAYOUTS``, or in
``netzoo.tasks.chosen.rows`` where the graph chooses boxes itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netzoo.tasks.boxes.suppression import Detections, demand_numbers
from netzoo.tasks.chosen.demands import LayoutError, demand_meaning, demand_shares
from netzoo.tasks.chosen.indexed import find_indexed
from netzoo.tasks.chosen.roles import fitting_roles
from netzoo.tasks.chosen.rows import chosen_rows, fitting_lists, only_output
from netzoo.tasks.chosen.tensorflow import find_tensorflow
from netzoo.tasks.parts import TABLES
from sizewise.core.discover import choose
from sizewise.core.errors import InputError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import (
    FINAL_LAYOUT,
    FINAL_LAYOUTS,
    INDEXED_LAYOUT,
    NMS_LAYOUT,
    TENSORFLOW_LAYOUT,
    Dimension,
    Size,
    TensorSpec,
)

Array = NDArray[Any]
Outputs = Mapping[str, Array]
BoxesAndScores = tuple[NDArray[np.float32], NDArray[np.float32]]


SUPPRESSED = NMS_LAYOUT
"""The layout of our files with NMS in the graph."""
CHOSEN = (SUPPRESSED, *FINAL_LAYOUTS)
"""The layouts of graphs that choose boxes themselves: :func:`read_suppressed` reads them."""


def layout_names() -> tuple[str, ...]:
    return (*_LAYOUTS, *CHOSEN)


def fitting_layouts(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """The layouts that outputs of these shapes may have, the likeliest first."""
    if find_tensorflow(outputs):
        return (TENSORFLOW_LAYOUT,)
    if find_indexed(outputs):
        return (INDEXED_LAYOUT,)
    if _are_ours({one.name: one.shape for one in outputs}):
        return ("sizewise",)
    return fitting_roles(outputs) or fitting_lists(outputs) or _fitting_table(outputs)


def _are_ours(shapes: Mapping[str, Sequence[Dimension]]) -> bool:
    boxes, scores = shapes.get("boxes", ()), shapes.get("scores", ())
    return len(boxes) == len(scores) == 3 and (boxes[2] == 4 or isinstance(boxes[2], str))


def _fitting_table(outputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Of one output with three axes."""
    found = [one.shape for one in outputs if len(one.shape) == 3 and "float" in one.dtype]
    if len(found) != 1:
        return ()
    _, middle, last = found[0]
    if last == 6:
        return (FINAL_LAYOUT, "b_n_5c")
    wide = isinstance(last, int) and last > 6
    boxes = last in (4, 5)  # without a score, and with one: no number of candidates
    if isinstance(middle, int) and middle > 4 and not boxes and (not wide or middle < int(last)):
        return ("b_4c_n",)
    return ("b_n_5c",) if wide else ()


def read_detections(
    layout: str, outputs: Outputs, *, class_count: int | None = None
) -> BoxesAndScores:
    """Boxes float32 [B, N, 4], x0 y0 x1 y1 in input pixels, and scores float32 [B, N, C].

    ``class_count``, where given, is what C must be: it tells a transposed output from a right one.
    Raises UsageError for an unknown layout, InputError where the outputs do not have it.
    """
    read = _LAYOUTS[choose("layout", layout, _LAYOUTS)]
    with _fitting(layout, outputs):
        boxes, scores = read(outputs)
        if class_count is not None and scores.shape[2] != class_count:
            raise LayoutError(f"it would have {scores.shape[2]} classes instead of {class_count}")
        demand_shares(scores)
    return boxes.astype(np.float32, copy=False), scores.astype(np.float32, copy=False)


def read_suppressed(
    outputs: Outputs,
    *,
    class_count: int | None = None,
    layout: str = SUPPRESSED,
    size: Size | None = None,
) -> tuple[Detections, ...]:
    """Detections that the graph chose in each image; boxes are in input pixels.

    Rows with a label below 0 are not used. ``size`` is that of the input: where boxes are shares of
    its sides, it is needed. Raises InputError where the outputs do not have ``layout``, one of
    ``CHOSEN``, or a label is none of ``class_count``, InferenceError (numerics) for NaN.
    """
    with _fitting(layout, outputs):
        images = chosen_rows(layout, outputs, size)
        for rows in images:
            demand_numbers(rows, rows)
            _demand_labels(rows[:, 5], class_count)
        used = tuple(rows[rows[:, 5] >= 0] for rows in images)
        for rows in used if layout != SUPPRESSED else ():
            demand_meaning(rows)
    return tuple(map(_best_first, used))


def _demand_labels(labels: Array, class_count: int | None) -> None:
    if (labels != labels.round()).any():
        raise LayoutError("its labels are no whole numbers")
    if class_count is not None and labels.max(initial=-1) >= class_count:
        raise LayoutError(f"the label {labels.max():.0f} is none of {class_count} classes")


def _best_first(rows: Array) -> Detections:
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    return Detections(
        boxes=rows[:, :4].astype(np.float32),
        scores=rows[:, 4].astype(np.float32),
        labels=rows[:, 5].astype(np.int64),
    )


@contextmanager
def _fitting(layout: str, outputs: Outputs) -> Iterator[None]:
    """Turn a misfit into an InputError that gives the outputs' shapes."""
    try:
        yield
    except LayoutError as misfit:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        raise InputError(
            f"The outputs do not have the layout {layout}",
            f"{misfit}; they are {shapes}",
            f"Say with {spelled('layout')} which of {', '.join(layout_names())} the model has, "
            "and give as many class names as it was trained with.",
        ) from misfit


def _sizewise(outputs: Outputs) -> tuple[Array, Array]:
    """``boxes`` [B, N, 4] and ``scores`` [B, N, C]."""
    if not {"boxes", "scores"} <= outputs.keys():
        raise LayoutError("outputs named boxes and scores are needed")
    boxes, scores = outputs["boxes"], outputs["scores"]
    if boxes.ndim != 3 or scores.ndim != 3 or boxes.shape != (*scores.shape[:2], 4):
        raise LayoutError("boxes [B, N, 4] and scores [B, N, C] are needed")
    return boxes, scores


def _b_4c_n(outputs: Outputs) -> tuple[Array, Array]:
    """[B, 4 + C, N]: centre x, centre y, width, height, then the classes' scores."""
    output = only_output(outputs)
    if output.shape[1] < 5:
        raise LayoutError("[B, 4 + C, N] with at least one class is needed")
    boxes, scores = (part.of(output).transpose(0, 2, 1) for part in TABLES["b_4c_n"])
    return _corners(boxes), scores


def _b_n_5c(outputs: Outputs) -> tuple[Array, Array]:
    """[B, N, 5 + C]: centre x, centre y, width, height, objectness, then the classes' scores."""
    output = only_output(outputs)
    if output.shape[2] < 6:
        raise LayoutError("[B, N, 5 + C] with at least one class is needed")
    boxes, objectness, scores = (part.of(output) for part in TABLES["b_n_5c"])
    return _corners(boxes), objectness * scores


def _corners(boxes: Array) -> Array:
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


_LAYOUTS: dict[str, Callable[[Outputs], tuple[Array, Array]]] = {
    "sizewise": _sizewise,
    "b_4c_n": _b_4c_n,
    "b_n_5c": _b_n_5c,
}
