"""Graphs of a few nodes that double a tensor again and again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from onnx import NodeProto, TensorProto, helper, save

from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import ExportedModel


def grown(path: Path, *, doublings: int) -> ExportedModel:
    """Pictures that are set side by side with themselves so many times."""
    names = ["images", *(f"x{n}" for n in range(1, doublings)), "maps"]
    nodes = [helper.make_node("Concat", [a, a], [b], axis=3) for a, b in pairwise(names)]
    return _written(path, nodes, ["b", 3, "h", "w2"])


def grown_in_shapes(path: Path, *, doublings: int) -> ExportedModel:
    """The shape of pictures, four numbers, put behind itself so many times, and their maximum."""
    names = ["shape", *(f"x{n}" for n in range(1, doublings)), "long"]
    nodes = [helper.make_node("Concat", [a, a], [b], axis=0) for a, b in pairwise(names)]
    nodes.insert(0, helper.make_node("Shape", ["images"], ["shape"]))
    nodes += [
        helper.make_node("ReduceMax", ["long"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["images", "number"], ["maps"]),
    ]
    return _written(path, nodes, ["b", 3, "h", "w"])


def _written(path: Path, nodes: Sequence[NodeProto], given: list[str | int]) -> ExportedModel:
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])
    maps = helper.make_tensor_value_info("maps", TensorProto.FLOAT, given)
    graph = helper.make_graph(nodes, "g", [images], [maps])
    opsets = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return read_model(path)
