"""Weights and biases that a graph computes from constants, as from integers by a scale, done once.

Files that store weights in a narrow type decode them so, and other exporters leave an ``Identity``
or a ``Transpose`` between a weight and its layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.graph.passes import all_nodes
from exporter.graph.regions import WEIGHTED

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

_PLAIN = frozenset(
    {
        *("Add", "Cast", "Concat", "Div", "Flatten", "Identity", "Mul", "Reshape", "Squeeze"),
        *("Sub", "Transpose", "Unsqueeze"),
    }
)
"""Operators that give the same values from the same constants in every run."""


def decode_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Turn the weights and biases that nodes of constants compute into initializers, in place."""
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    chain: list[Node] = []
    made: set[str] = set()
    for node in graph.node:
        if node.op_type in _PLAIN and all(n in constants | made for n in node.input if n):
            chain.append(node)
            made.update(node.output)
    wanted = {
        name
        for node in graph.node
        if node.op_type in WEIGHTED
        for name in node.input[:3]
        if name in made
    }
    if wanted:
        graph.initializer.extend(_computed(model, chain, sorted(wanted)))
        _remove_makers(graph, wanted)
    return model


def _computed(
    model: onnx.ModelProto, chain: list[Node], names: list[str]
) -> list[onnx.TensorProto]:
    """The values of ``names``, by the ONNX project's own evaluator."""
    from onnx import TensorProto, helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    needed = _needed(chain, names)
    read = {name for node in needed for name in node.input}
    held = [tensor for tensor in model.graph.initializer if tensor.name in read]
    outputs = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in names]
    part = helper.make_model(
        helper.make_graph(needed, "weights", [], outputs, held), opset_imports=model.opset_import
    )
    values = ReferenceEvaluator(part).run(None, {})
    return [numpy_helper.from_array(v, n) for n, v in zip(names, values, strict=True)]


def _needed(chain: list[Node], names: list[str]) -> list[Node]:
    """The nodes of the chain that ``names`` depend on, in order."""
    left, found = set(names), []
    for node in reversed(chain):
        if left.intersection(node.output):
            found.append(node)
            left.update(node.input)
    return found[::-1]


def _remove_makers(graph: onnx.GraphProto, computed: set[str]) -> None:
    """Remove the nodes that made ``computed``, and those that nothing reads any more."""
    dropped = [node for node in graph.node if computed.intersection(node.output)]
    while dropped:
        for node in dropped:
            graph.node.remove(node)
        read = {name for node in all_nodes(graph) for name in node.input}
        read.update(output.name for output in graph.output)
        dropped = [
            node
            for node in graph.node
            if node.op_type in _PLAIN and not read.intersection(node.output)
        ]
