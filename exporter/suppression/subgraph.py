"""The NMS part of a graph, in ONNX's own textual form.

NonMaxSuppression lists its choices as (image, class, box), all images in one list. So their scores
are scattered into a table with one row per image and zeros elsewhere: TopK then sorts every image
by itself, and cuts it off at K. The table has K columns more, so that TopK finds K of them where
boxes are few.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sizewise.core.specs import Suppression

if TYPE_CHECKING:
    import onnx

PREFIX = "suppression."
OLDEST_OPSET, OLDEST_IR = 11, 4

_CORNERS = """
    half = Mul (sides, one_half)
    low = Sub (centres, half)
    high = Add (centres, half)
    boxes = Concat <axis = 2> (low, high)
"""
READINGS = {
    "sizewise": "boxes = Identity (given_boxes) scores = Identity (given_scores)",
    "b_4c_n": f"""
        given_rows = Transpose <perm = [0, 2, 1]> (given)
        centres = Slice (given_rows, zero, two, two)
        sides = Slice (given_rows, two, four, two)
        scores = Slice (given_rows, four, end, two)
        {_CORNERS}
    """,
    "b_n_5c": f"""
        centres = Slice (given, zero, two, two)
        sides = Slice (given, two, four, two)
        objectness = Slice (given, four, five, two)
        class_scores = Slice (given, five, end, two)
        scores = Mul (objectness, class_scores)
        {_CORNERS}
    """,
}
"""The nodes that make ``boxes`` [B, N, 4] and ``scores`` [B, N, C], by layout (compare
``netzoo.tasks.layouts``)."""
TELLING = {"b_4c_n": "given_rows", "b_n_5c": "objectness"}
"""A value that only the reading of this layout makes, out of the one output that it reads."""

SUPPRESSION = """
    by_class = Transpose <perm = [0, 2, 1]> (scores)
    chosen = NonMaxSuppression (boxes, by_class, max_detections, iou_threshold, score_threshold)
    chosen_scores = GatherND (by_class, chosen)
    chosen_image = Gather <axis = 1> (chosen, zero)
    chosen_label = Gather <axis = 1> (chosen, one)
    chosen_box = Gather <axis = 1> (chosen, two)

    shape = Shape (scores)
    images = Gather (shape, zero)
    box_count = Gather (shape, one)
    class_count = Gather (shape, two)
    pair_count = Mul (box_count, class_count)
    width = Add (pair_count, max_detections)
    table_shape = Concat <axis = 0> (images, width)
    empty_table = ConstantOfShape (table_shape)
    chosen_row = Mul (chosen_box, class_count)
    chosen_pair = Add (chosen_row, chosen_label)
    places = Concat <axis = 1> (chosen_image, chosen_pair)
    table = ScatterND (empty_table, places, chosen_scores)

    best_scores, best_pairs = TopK <axis = 1> (table, max_detections)
    score = Reshape (best_scores, column)
    pair = Reshape (best_pairs, column)
    used = Greater (score, nought)
    used_pair = Where (used, pair, zero)
    box = Div (used_pair, class_count)
    class = Mod (used_pair, class_count)
    box_of_each_side = Expand (box, four_sides)
    corners = GatherElements <axis = 1> (boxes, box_of_each_side)
    label = Cast <to = 1> (class)
    rows = Concat <axis = 2> (corners, score, label)
    detections = Where (used, rows, unused_row)
"""


def thresholds(suppression: Suppression) -> dict[str, NDArray[Any]]:
    """The thresholds that the user chooses, as constants."""
    return {
        "max_detections": np.array([suppression.max_detections], np.int64),
        "iou_threshold": np.array([suppression.iou_threshold], np.float32),
        "score_threshold": np.array([suppression.score_threshold], np.float32),
    }


def add_constants(graph: onnx.GraphProto, suppression: Suppression) -> None:
    """Add the constants that the texts above use."""
    from onnx import numpy_helper

    numbers = {"zero": 0, "one": 1, "two": 2, "four": 4, "five": 5, "end": np.iinfo(np.int64).max}
    constants = thresholds(suppression) | {k: np.array([v], np.int64) for k, v in numbers.items()}
    constants |= {
        "one_half": np.array([0.5], np.float32),
        "nought": np.zeros(1, np.float32),
        "column": np.array([0, -1, 1], np.int64),
        "four_sides": np.array([1, 1, 4], np.int64),
        "unused_row": np.array([[[0, 0, 0, 0, 0, -1]]], np.float32),
    }
    for name, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(value, f"{PREFIX}{name}"))


def add_nodes(graph: onnx.GraphProto, text: str, outside: Mapping[str, str]) -> None:
    """Add the nodes of ``text``; its values get a prefix, save those that ``outside`` names."""
    import onnx

    made = onnx.parser.parse_graph(f"suppression () => () {{ {text} }}").node
    for node in made:
        for names in (node.input, node.output):
            names[:] = [outside.get(name, f"{PREFIX}{name}") for name in names]
        node.name = f"{PREFIX}{node.output[0].removeprefix(PREFIX)}"
    graph.node.extend(made)
