"""Which tensors of a graph have to be seen on images before a pass can be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.graph.regions import Graph
from exporter.graph.types import tensor_types

if TYPE_CHECKING:
    import onnx

_FLOAT = 1


def layer_values(model: onnx.ModelProto) -> list[str]:
    """Every float32 value from the first layers to the heads."""
    graph, types = Graph(model), tensor_types(model)
    trunk = graph.trunk()
    nodes = (node for node in graph.nodes if node.output[0] in trunk)
    return [name for node in nodes for name in node.output if name and types[name] == _FLOAT]


def quantized_values(model: onnx.ModelProto) -> list[str]:
    """What goes into the convolutions that quantizing is for, and what comes out."""
    from exporter.precisions._quantized import convolutions

    nodes = convolutions(Graph(model))
    return list(dict.fromkeys(name for n in nodes for name in (n.input[0], n.output[0])))
