"""The tensors of a graph whose value ranges a pass needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.graph.regions import Graph
from exporter.graph.types import tensor_types

if TYPE_CHECKING:
    import onnx

_FLOAT = 1


def layer_values(model: onnx.ModelProto) -> list[str]:
    """Every float32 value from the first layers to the heads, and what enters the first layers."""
    graph, types = Graph(model), tensor_types(model)
    trunk, seeing = graph.trunk(), graph.seeing()
    nodes = [node for node in graph.nodes if node.output[0] in trunk]
    made = {name for node in graph.nodes if node.output[0] in seeing for name in node.output}
    entering = [n for node in nodes for n in node.input if n in made or n in graph.inputs]
    names = (*entering, *(name for node in nodes for name in node.output if name))
    return [name for name in dict.fromkeys(names) if types[name] == _FLOAT]


def quantized_values(model: onnx.ModelProto) -> list[str]:
    """What is quantized for convolutions, what holds its values, and what convolutions give."""
    from exporter.precisions._placing import Placement
    from exporter.precisions._quantized import convolutions

    graph = Graph(model)
    layers = [node.output[0] for node in convolutions(graph)]
    return list(dict.fromkeys((*Placement(graph, layers).visited, *layers)))
