"""Casts that change nothing, found and taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

_EXACT = frozenset({(10, 1), (16, 1), (10, 11), (16, 11), (1, 11)})
"""From → to (``onnx.TensorProto``'s numbers) where every value survives: float16 and bfloat16 into
float32, and all of these into float64."""


def useless_casts(model: onnx.ModelProto) -> list[Node]:
    """Casts back to the type that an exact cast started from."""
    return [node for node, _ in _pairs(model)]


def drop_cast_pairs(model: onnx.ModelProto) -> None:
    """What reads the second cast of such a pair reads what the first one read."""
    outputs = {output.name for output in model.graph.output}
    for second, source in _pairs(model):
        _read_instead(model, second.output[0], source)
        if second.output[0] in outputs:
            second.op_type = "Identity"
            del second.attribute[:]
            second.input[0] = source
    _drop_unread(model)


def _read_instead(model: onnx.ModelProto, old: str, new: str) -> None:
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new


def _pairs(model: onnx.ModelProto) -> list[tuple[Node, str]]:
    """Each second cast with the tensor that the first one reads."""
    from exporter.precisions._graph import tensor_types

    casts = {n.output[0]: n for n in model.graph.node if n.op_type == "Cast"}
    candidates = [n for n in casts.values() if n.input[0] in casts]
    if not candidates:
        return []
    types = tensor_types(model)
    found = []
    for second in candidates:
        source = casts[second.input[0]].input[0]
        first_to, second_to = types[second.input[0]], types[second.output[0]]
        if types[source] == second_to and (second_to, first_to) in _EXACT:
            found.append((second, source))
    return found


def _drop_unread(model: onnx.ModelProto) -> None:
    from exporter.passes import all_nodes

    read = {name for node in all_nodes(model.graph) for name in node.input}
    read.update(output.name for output in model.graph.output)
    for node in [n for n in model.graph.node if n.op_type == "Cast" and n.output[0] not in read]:
        model.graph.node.remove(node)
