"""Mish in BF16, computed in FP32 between casts that the compiler fuses with it.

TensorRT's parser has Mish in FP32 and FP16 alone. FP32 holds every BF16 number, so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto


def widen_mish(proto: ModelProto) -> int:
    """Rewrite, in place, each Mish in BF16; gives their number."""
    import onnx

    if not any(node.op_type == "Mish" for node in proto.graph.node):
        return 0
    kinds, found = _types(proto), 0
    made: list[NodeProto] = []
    for node in proto.graph.node:
        narrow = node.op_type == "Mish" and kinds[node.input[0]] == onnx.TensorProto.BFLOAT16
        made += _widened(node) if narrow else [node]
        found += narrow
    del proto.graph.node[:]
    proto.graph.node.extend(made)
    return found


def _types(proto: ModelProto) -> dict[str, int]:
    import onnx

    graph = onnx.shape_inference.infer_shapes(proto).graph
    return {
        value.name: value.type.tensor_type.elem_type
        for value in (*graph.input, *graph.value_info, *graph.output)
    }


def _widened(node: NodeProto) -> Iterator[NodeProto]:
    from onnx import TensorProto, helper

    source, result = node.input[0], node.output[0]
    before, after = f"{result}_in_fp32", f"{result}_before_bf16"
    yield helper.make_node("Cast", [source], [before], to=TensorProto.FLOAT, name=before)
    yield helper.make_node("Mish", [before], [after], name=node.name)
    yield helper.make_node("Cast", [after], [result], to=TensorProto.BFLOAT16, name=after)
