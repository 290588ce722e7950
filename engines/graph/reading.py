"""Which nodes of an ONNX graph read which tensors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def readers_of(graph: onnx.GraphProto) -> defaultdict[str, list[onnx.NodeProto]]:
    """The nodes that read each tensor, by its name, each once."""
    found: defaultdict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in dict.fromkeys(node.input):
            found[name].append(node)
    return found


def constant_values(graph: onnx.GraphProto) -> set[str]:
    """The tensors that are constant, or computed of such alone."""
    found = {tensor.name for tensor in graph.initializer} - {one.name for one in graph.input}
    for node in graph.node:
        given = [name for name in node.input if name]
        whole = node.op_type == "Constant" or (given and found.issuperset(given))
        if whole and not any(a.HasField("g") or a.graphs for a in node.attribute):
            found.update(filter(None, node.output))
    return found


def captured(graph: onnx.GraphProto) -> set[str]:
    """The tensors that graphs within nodes (``If``, ``Loop``) read."""
    return set(_read_inside(graph.node, inside=False))


def _read_inside(nodes: Iterable[onnx.NodeProto], *, inside: bool) -> Iterator[str]:
    for node in nodes:
        if inside:
            yield from node.input
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from (output.name for output in graph.output)
                yield from _read_inside(graph.node, inside=True)
