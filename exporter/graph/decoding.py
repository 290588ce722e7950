"""Weights and biases that a graph computes from constants, as from integers by a scale, done once.

Files that store weights in a narrow type decode them so, and other exporters leave an ``Identity``
or a ``Transpose`` between a weight and its layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporter.graph.passes import all_nodes
from exporter.graph.regions import WEIGHTED
from sizewise.core.errors import ExportError, SizewiseError
from sizewise.core.onnxfiles.weights import too_large

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

Array = NDArray[Any]

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
    """The values of ``names``, by the ONNX project's own evaluator. Raises ExportError where it
    fails, and where they would not fit into a file."""
    from onnx import numpy_helper

    needed = _needed(chain, names)
    last = {name: number for number, node in enumerate(needed) for name in node.input}
    held = (tensor for tensor in model.graph.initializer if tensor.name in last)
    made: dict[str, Array] = {}
    try:
        values = {tensor.name: numpy_helper.to_array(tensor) for tensor in held}
        for number, node in enumerate(needed):
            names_in = filter(None, node.input)
            given = {name: made[name] if name in made else values[name] for name in names_in}
            _demand_room(node, list(given.values()), made.values())
            made |= _evaluated(model, node, given)
            for name in {*given}.difference(names):
                if last[name] == number:
                    made.pop(name, None)
        return [numpy_helper.from_array(made[name], name) for name in names]
    except SizewiseError:
        raise
    except Exception as error:  # the nodes are anybody's, and it raises anything over them
        raise _uncomputed(f"{type(error).__name__}: {error}") from error


def _evaluated(
    model: onnx.ModelProto, node: Node, given: Mapping[str, Array]
) -> Mapping[str, Array]:
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    inputs, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in side if name]
        for side in (given, node.output)
    )
    graph = helper.make_graph([node], "weights", inputs, outputs)
    part = helper.make_model(graph, opset_imports=model.opset_import)
    found = ReferenceEvaluator(part).run(None, dict(given))
    return dict(zip(filter(None, node.output), found, strict=True))


def _demand_room(node: Node, given: Sequence[Array], held: Iterable[Array]) -> None:
    """Raises ExportError where the result may not fit into a file beside what is ``held``.

    A few plain nodes can ask for more memory than there is, by broadcasting, or by joining a tensor
    with itself again and again.
    """
    each = [array.size for array in given]
    try:
        shape = np.broadcast_shapes(*(array.shape for array in given))
    except ValueError:  # the evaluator says what is wrong
        shape = ()
    count = sum(each) if node.op_type == "Concat" else max(math.prod(shape), *each, 0)
    size_bytes = count * np.dtype(np.float32).itemsize + sum(array.nbytes for array in held)
    if why := too_large(size_bytes):
        raise _uncomputed(why)


def _uncomputed(why: str) -> ExportError:
    return ExportError(
        "The weights that the graph computes from constants can't be converted",
        why,
        "Export the model with its weights as they are.",
    )


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
