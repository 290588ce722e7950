"""An ONNX file that finds the white rectangle in a picture, in every layout that is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from sizewise.core.onnxfile import write_card
from sizewise.core.specs import ModelCard

CARD = ModelCard(network="finder", task="detection", layout="sizewise", classes=("dark", "white"))
SCORES = (0.1, 0.9)
"""Of the classes, where there is anything white."""


def write_finder(
    path: Path,
    *,
    layout: str = "sizewise",
    card: ModelCard | None = CARD,
    shape: tuple[int | str, ...] = ("b", 3, "h", "w"),
    scores: tuple[float, ...] = SCORES,
    nan: bool = False,
) -> Path:
    """With ``nan``, scores are no numbers where nothing is white. No ``card`` makes it foreign."""
    constants: dict[str, Any] = {
        "threshold": np.array(0.7, np.float32),
        "one": np.array(1, np.int64),
        "first": np.array([1], np.int64),
        "last": np.array([2], np.int64),
        "by_class": np.array(scores, np.float32).reshape(1, 1, -1),
        "to_centre": np.array(
            [[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]], np.float32
        ),
        "unused": np.array([0, 0, 0, 0, 0, -1], np.float32),
        "zero": np.array(0, np.float32),
    }
    nodes, outputs = _LAYOUTS[layout]
    graph = helper.make_graph(
        [*_FIND, *_SCORE[nan], *nodes],
        "finder",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 3) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if card is not None:
        write_card(proto, card)
    onnx.save(proto, path)
    return path


def _node(kind: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(kind, inputs.split(), [output], **attributes)


def _edges(of: str, low: str, high: str) -> list[NodeProto]:
    """The first place of ``of`` [B, N] that is 1, and the one after the last."""
    return [
        _node("ArgMax", of, low, axis=1, keepdims=1),
        _node("ArgMax", of, f"{high}_last", axis=1, keepdims=1, select_last_index=1),
        _node("Add", f"{high}_last one", high),
    ]


_FIND = [
    _node("ReduceMin", "images first", "darkest", keepdims=0),
    _node("Greater", "darkest threshold", "is_white"),
    _node("Cast", "is_white", "white", to=TensorProto.FLOAT),
    _node("ReduceMax", "white first", "columns", keepdims=0),
    _node("ReduceMax", "white last", "rows", keepdims=0),
    *_edges("columns", "x0", "x1"),
    *_edges("rows", "y0", "y1"),
    _node("Concat", "x0 y0 x1 y1", "corners", axis=1),
    _node("Cast", "corners", "box", to=TensorProto.FLOAT),
    _node("Unsqueeze", "box first", "found_boxes"),
    _node("ReduceMax", "columns first", "row_any", keepdims=1),
    _node("Unsqueeze", "row_any first", "any"),
]
_SCORE = {
    False: [_node("Mul", "any by_class", "found_scores")],
    True: [_node("Div", "any any", "sure"), _node("Mul", "sure by_class", "found_scores")],
}
_ROWS = [
    _node("MatMul", "found_boxes to_centre", "centred"),
    _node("Div", "any any", "objectness"),
]
_LAYOUTS: dict[str, tuple[list[NodeProto], tuple[str, ...]]] = {
    "sizewise": (
        [_node("Identity", "found_boxes", "boxes"), _node("Identity", "found_scores", "scores")],
        ("boxes", "scores"),
    ),
    "b_4c_n": (
        [
            *_ROWS[:1],
            _node("Concat", "centred found_scores", "wide", axis=2),
            _node("Transpose", "wide", "output0", perm=[0, 2, 1]),
        ],
        ("output0",),
    ),
    "b_n_5c": (
        [*_ROWS, _node("Concat", "centred objectness found_scores", "output", axis=2)],
        ("output",),
    ),
    "sizewise_nms": (
        [
            _node("ReduceMax", "found_scores last", "score", keepdims=1),
            _node("ArgMax", "found_scores", "index", axis=2, keepdims=1),
            _node("Cast", "index", "label", to=TensorProto.FLOAT),
            _node("Concat", "found_boxes score label", "row", axis=2),
            _node("Mul", "row zero", "zeros"),
            _node("Add", "zeros unused", "unused_row"),
            _node("Concat", "row unused_row", "detections", axis=1),
        ],
        ("detections",),
    ),
}
