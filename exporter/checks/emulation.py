"""Emulate a 16-bit graph in float32, so that ONNX Runtime's CPU provider can run it.

That provider has no convolutions in bfloat16, and it computes those in float16 in float32, without
rounding in between. Here every operator computes in float32 and its result is
rounded to its type, as hardware does that multiplies in 16 bits and adds up in 32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.graph.types import tensor_types

if TYPE_CHECKING:
    import onnx

FLOAT = 1
_ROUNDED = {10, 16}


def emulated(model: onnx.ModelProto) -> onnx.ModelProto:
    """A float32 copy of ``model`` that rounds to 16 bits; ``model`` itself without such types."""
    import onnx

    types = tensor_types(model)
    if not _ROUNDED.intersection(types.values()):
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.value_info[:]
    _widen_constants(made.graph)
    nodes = [part for node in made.graph.node for part in _rounding(node, types)]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made


def _widen_constants(graph: onnx.GraphProto) -> None:
    import numpy as np
    from onnx import numpy_helper

    for tensor in graph.initializer:
        if tensor.data_type in _ROUNDED:
            array = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _rounding(node: onnx.NodeProto, types: dict[str, int]) -> list[onnx.NodeProto]:
    """The node in float32, with a cast to 16 bits and back for each 16-bit result."""
    from onnx import helper

    if node.op_type == "Cast":
        _set_target(node, FLOAT)
    rounded = [name for name in node.output if types.get(name) in _ROUNDED]
    parts = [node]
    for place, name in enumerate(node.output):
        if name in rounded:
            node.output[place] = f"{name}.exact"
            narrow = f"{name}.narrow"
            parts.append(helper.make_node("Cast", [f"{name}.exact"], [narrow], to=types[name]))
            parts.append(helper.make_node("Cast", [narrow], [name], to=FLOAT))
    return parts


def _set_target(node: onnx.NodeProto, data_type: int) -> None:
    for attribute in node.attribute:
        if attribute.name == "to" and attribute.i in _ROUNDED:
            attribute.i = data_type
