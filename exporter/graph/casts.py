"""Find and remove casts that change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from exporter.graph.passes import all_nodes

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

_EXACT = frozenset({(10, 1), (16, 1), (10, 11), (16, 11), (1, 11)})
"""Exact casts, from → to (``onnx.TensorProto``'s numbers): float16 and bfloat16 to float32, and all
of these to float64."""


def redundant_casts(model: onnx.ModelProto) -> dict[str, str]:
    """The output of each redundant cast, with the tensor to read instead.

    That tensor has the type already, and only exact casts lie between.
    """
    from exporter.graph.types import tensor_types

    casts = [node for node in model.graph.node if node.op_type == "Cast"]
    types = tensor_types(model) if casts else {}
    source: dict[str, str] = {}
    instead: dict[str, str] = {}
    for node in casts:
        made, name = node.output[0], instead.get(node.input[0], node.input[0])
        source[made] = name
        while types[name] != types[made] and name in source:
            if (types[source[name]], types[name]) not in _EXACT:
                break
            name = source[name]
        if types[name] == types[made]:
            instead[made] = name
    return instead


def drop_redundant_casts(model: onnx.ModelProto) -> None:
    """Remove the redundant casts. An output of the graph keeps its name, behind an Identity."""
    instead = redundant_casts(model)
    for node in all_nodes(model.graph):
        for place, name in enumerate(node.input):
            node.input[place] = instead.get(name, name)
    outputs = {output.name for output in model.graph.output}
    for node in model.graph.node:
        if node.op_type == "Cast" and node.output[0] in outputs.intersection(instead):
            node.op_type = "Identity"
            del node.attribute[:]
            node.input[0] = instead[node.output[0]]
    _drop_unread(model.graph)


def _drop_unread(graph: onnx.GraphProto) -> None:
    read = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if node.op_type != "Cast" or node.output[0] in read:
            read.update(_reads(node))
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))


def _reads(node: Node) -> Iterator[str]:
    """The tensors that a node reads, in its branches too."""
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for nested in all_nodes(inner):
                yield from nested.input
