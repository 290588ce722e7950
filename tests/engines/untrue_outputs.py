"""Files that declare other shapes of their output than come out, as exporters write them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel

DECLARED: Mapping[str, list[int | str]] = {
    "true": ["b", 3, "positions"],
    "rank": ["b", "positions"],
    "number": [7, 3, "positions"],
    "hidden rank": ["b", "positions"],
}
"""By kind: the output [B, 3, H * W] as it is declared. In the last, no inference finds its rank."""


def write_untrue(path: Path, kind: str) -> ExportedModel:
    """Images [b, 3, h, w] → the same with height and width as one dimension."""
    hidden = kind == "hidden rank"
    nodes = [
        helper.make_node("Shape", ["images"], ["shape"], start=0, end=2),
        helper.make_node("Concat", ["shape", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["images", "floats" if hidden else "wanted"], ["y"]),
    ]
    if hidden:  # a shape that went through floats is a shape that nobody follows
        through = [
            helper.make_node("Cast", ["wanted"], ["real"], to=TensorProto.FLOAT),
            helper.make_node("Cast", ["real"], ["floats"], to=TensorProto.INT64),
        ]
        nodes[2:2] = through
    graph = helper.make_graph(
        nodes,
        "untrue",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, DECLARED[kind])],
        [numpy_helper.from_array(np.array([-1]), "rest")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(proto, path)
    return read_model(path)
