"""The tensors of a graph whose value ranges a pass needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from exporter.graph.passes import all_nodes
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


def layer_values_beside_huge(model: onnx.ModelProto, most: float) -> list[str]:
    """As :func:`layer_values` where a finite constant of the graph is beyond ``most``, as of a mask
    that is added to scores of attention; none elsewhere: no value comes near the end of float32."""
    return layer_values(model) if any(_largest(one) > most for one in _constants(model)) else []


def _constants(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in all_nodes(model.graph):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.g.initializer)
            yield from (tensor for inner in attribute.graphs for tensor in inner.initializer)


def _largest(tensor: onnx.TensorProto) -> float:
    """The largest finite magnitude; 0 of what is not float32."""
    from onnx import numpy_helper

    if tensor.data_type != _FLOAT:
        return 0.0
    magnitudes = np.abs(numpy_helper.to_array(tensor))
    return float(magnitudes.max(initial=0.0, where=np.isfinite(magnitudes)))


def quantized_values(model: onnx.ModelProto) -> list[str]:
    """What is quantized for convolutions, what holds its values, and what convolutions give."""
    from exporter.precisions._placing import Placement
    from exporter.precisions._quantized import convolutions

    graph = Graph(model)
    layers = [node.output[0] for node in convolutions(graph)]
    return list(dict.fromkeys((*Placement(graph, layers).visited, *layers)))
