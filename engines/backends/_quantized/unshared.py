"""Quantized weights that several convolutions read, copied for each of them.

Where ONNX Runtime moves int8 weights into uint8 (without VNNI, and where they take all 8 bits), it
does so once for each reader, and fails at the second reader of the same weights.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto


def unshare_weights(proto: ModelProto) -> None:
    """Repeat, in place, every DequantizeLinear of a constant, with that constant, for each node
    that reads it beyond the first."""
    graph = proto.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    made_by = {
        node.output[0]: node
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in constants
    }
    read: Counter[str] = Counter()
    nodes: list[NodeProto] = []
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name in made_by:
                read[name] += 1
                if read[name] > 1:
                    copy = _copy(proto, made_by[name], read[name])
                    node.input[place] = copy.output[0]
                    nodes.append(copy)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _copy(proto: ModelProto, node: NodeProto, number: int) -> NodeProto:
    import onnx

    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    suffix = f"_unshared_{number}"
    copy.output[0] += suffix
    copy.name += suffix
    for place, name in enumerate(node.input):
        tensor = next((t for t in proto.graph.initializer if t.name == name), None)
        if tensor is not None:
            copy.input[place] = f"{name}{suffix}"
            added = proto.graph.initializer.add()
            added.CopyFrom(tensor)
            added.name = copy.input[place]
    return copy
