"""An ONNX graph as far as it can be read without the values of its weights."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.weights import graph_of

if TYPE_CHECKING:
    import onnx

_LARGEST_SHAPE = 64
"""Elements; what is larger is a weight, whose values no shape depends on."""


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


def load_without_weights(path: Path) -> onnx.ModelProto:
    """The file with its weights turned into inputs of their type and shape, and its functions
    inlined: small enough to infer shapes and types with, however large the network is.

    Raises InputError where a function can't be expanded.
    """
    import onnx
    import onnx.inliner

    proto = graph_of(path)
    _turn_weights_into_inputs(proto.graph)
    if not proto.functions:
        return proto
    try:
        return onnx.inliner.inline_local_functions(proto)
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{path} isn't a valid ONNX file",
            f"its functions can't be expanded: {error}",
            "Export it again, or check the download.",
        ) from error


def _turn_weights_into_inputs(graph: onnx.GraphProto) -> None:
    import onnx

    weights = [t for t in graph.initializer if math.prod(t.dims) > _LARGEST_SHAPE]
    shapes = [t for t in graph.initializer if math.prod(t.dims) <= _LARGEST_SHAPE]
    declared = {tensor.name for tensor in graph.input}
    for tensor in weights:
        if tensor.name not in declared:
            value = onnx.helper.make_tensor_value_info(
                tensor.name, tensor.data_type, list(tensor.dims)
            )
            graph.input.append(value)
    del graph.initializer[:]
    graph.initializer.extend(shapes)
    # What was inferred before may hold the sizes of an example.
    del graph.value_info[:]
