"""An ONNX file that finds the white rectangle in a picture, in every layout that is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from sizewise.core.onnxfiles.model import write_card
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
        "flat": np.array([-1], np.int64),
        "y_first": np.array([1, 0, 3, 2], np.int64),
        "sides_at": np.array([2, 3], np.int64),
        "one_more": np.array(1, np.float32),
    }
    nodes, outputs = _LAYOUTS[layout]
    graph = helper.make_graph(
        [*_FIND, *_SCORE[nan], *nodes],
        "finder",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [_info(name, *_SHAPES.get(layout, {}).get(name, (None, None, None))) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if card is not None:
        write_card(proto, card)
    onnx.save(proto, path)
    return path


def _info(name: str, *shape: int | str | None) -> ValueInfoProto:
    """Labels are whole numbers."""
    kind = TensorProto.INT64 if name in _WHOLE else TensorProto.FLOAT
    return helper.make_tensor_value_info(name, kind, shape)


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
_CHOSEN = [
    _node("ReduceMax", "found_scores last", "score", keepdims=1),
    _node("ArgMax", "found_scores", "index", axis=2, keepdims=1),
    _node("Cast", "index", "label", to=TensorProto.FLOAT),
]
_SEEN = [_node("Greater", "any zero", "is_any"), _node("Reshape", "is_any flat", "seen")]
"""Whether there is anything white in each image [B]: rows of others are left out of lists."""


def _listed(columns: str, output: str) -> tuple[list[NodeProto], tuple[str, ...]]:
    """As many rows as there are rectangles."""
    nodes = [
        *(*_CHOSEN, *_SEEN, _node("Mul", "score zero", "image")),
        _node("Concat", columns, "wide", axis=2),
        _node("Squeeze", "wide first", "rows_of_all"),
        _node("Compress", "rows_of_all seen", output, axis=0),
    ]
    return nodes, (output,)


_WHOLE = ("labels", "2772", "indices")
_SHAPES: dict[str, dict[str, tuple[int | str | None, ...]]] = {
    "b_n_6": {"output0": (None, 1, 6)},
    "boxes_scores_labels": {"boxes": (None, 1, 4), "scores": (None, 1), "labels": (None, 1)},
    "one_image": {"2770": ("m", 4), "2771": ("o",), "2772": ("p",)},
    "dets_labels": {"dets": (None, None, 5), "labels": (None, None)},
    "m_7": {"output": ("rows", 7)},
    "m_6": {"multiclass_nms3_0": (None, 6)},
    "boxes_scores": {"boxes": (None, 1, 4), "scores": (None, 1)},
    "dets": {"dets": (None, None, 5)},
    "tf_detection": {
        **{"detection_boxes": (None, None, 4), "detection_scores": (None, None)},
        **{"detection_classes": (None, None), "num_detections": (None,)},
    },
    "boxes_scores_indices": {"boxes": (None, 1, 4), "scores": (None, 2, 1), "indices": (None, 3)},
}
"""Of outputs that do not have three free axes."""
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
            *_CHOSEN,
            _node("Concat", "found_boxes score label", "row", axis=2),
            _node("Mul", "row zero", "zeros"),
            _node("Add", "zeros unused", "unused_row"),
            _node("Concat", "row unused_row", "detections", axis=1),
        ],
        ("detections",),
    ),
    "b_n_6": (
        [*_CHOSEN, _node("Concat", "found_boxes score label", "output0", axis=2)],
        ("output0",),
    ),
    "boxes_scores_labels": (
        [
            *_CHOSEN,
            _node("Identity", "found_boxes", "boxes"),
            _node("Squeeze", "score last", "scores"),
            _node("Squeeze", "index last", "labels"),
        ],
        ("labels", "boxes", "scores"),
    ),
    "one_image": (  # as torchvision's detectors, without names
        [
            *(*_CHOSEN, *_SEEN),
            _node("Squeeze", "found_boxes first", "listed_boxes"),
            _node("Reshape", "score flat", "listed_scores"),
            _node("Reshape", "index flat", "listed_labels"),
            _node("Compress", "listed_boxes seen", "2770", axis=0),
            _node("Compress", "listed_scores seen", "2771", axis=0),
            _node("Compress", "listed_labels seen", "2772", axis=0),
        ],
        ("2770", "2772", "2771"),
    ),
    "dets_labels": (
        [
            *_CHOSEN,
            _node("Concat", "found_boxes score", "dets", axis=2),
            _node("Squeeze", "index last", "labels"),
        ],
        ("dets", "labels"),
    ),
    "boxes_scores": (
        [
            *_CHOSEN,
            _node("Identity", "found_boxes", "boxes"),
            _node("Squeeze", "score last", "scores"),
        ],
        ("boxes", "scores"),
    ),
    "dets": ([*_CHOSEN, _node("Concat", "found_boxes score", "dets", axis=2)], ("dets",)),
    "tf_detection": (
        [
            *(*_CHOSEN, *_SEEN, _node("Gather", "found_boxes y_first", "corners_yx", axis=2)),
            _node("Shape", "images", "shape"),
            _node("Gather", "shape sides_at", "whole_sides"),
            _node("Cast", "whole_sides", "sides", to=TensorProto.FLOAT),
            _node("Concat", "sides sides", "of_corners", axis=0),
            _node("Div", "corners_yx of_corners", "detection_boxes"),
            _node("Squeeze", "score last", "detection_scores"),
            _node("Squeeze", "label last", "from_0"),
            _node("Add", "from_0 one_more", "detection_classes"),
            _node("Cast", "seen", "num_detections", to=TensorProto.FLOAT),
        ],
        ("num_detections", "detection_boxes", "detection_classes", "detection_scores"),
    ),
    "boxes_scores_indices": (
        [
            _node("Gather", "found_boxes y_first", "boxes", axis=2),
            _node("Transpose", "found_scores", "scores", perm=[0, 2, 1]),
            _node("Greater", "scores threshold", "is_chosen"),
            _node("NonZero", "is_chosen", "places"),
            _node("Transpose", "places", "indices", perm=[1, 0]),
        ],
        ("boxes", "scores", "indices"),
    ),
    "m_7": _listed("image found_boxes label score", "output"),
    "m_6": _listed("label score found_boxes", "multiclass_nms3_0"),
}
