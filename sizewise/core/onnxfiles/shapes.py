"""Shapes that ONNX infers of a graph, without the values of its weights.

A graph of a few nodes may double a tensor forty times. What that comes to is seen here before a
library makes it. ONNX itself makes the values of shapes: they are followed while they are few.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.limits import ELEMENTS
from sizewise.core.onnxfiles.weights import graph_of
from sizewise.core.specs import ImageInput, Size

if TYPE_CHECKING:
    import onnx

_LARGEST_SHAPE = 64
"""Elements; what is larger is a weight, whose values no shape depends on."""
_VALUES = 2**16
"""Elements of one tensor whose values are followed: each takes ONNX some 200 bytes."""


def load_without_weights(path: Path) -> onnx.ModelProto:
    """The file with its weights turned into inputs of their type and shape, and its functions
    inlined: small enough to infer shapes and types with, however large the network is.

    Raises InputError where a function can't be expanded.
    """
    import onnx
    import onnx.inliner

    proto = graph_of(path)
    turn_weights_into_inputs(proto.graph)
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


def turn_weights_into_inputs(graph: onnx.GraphProto) -> None:
    """All but small ones, in place; and forget what was inferred before, which may hold the sizes
    of an example."""
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
    del graph.value_info[:]


def has_few_values(proto: onnx.ModelProto) -> bool:
    """Whether the values of its shapes may be followed (``data_prop``)."""
    import onnx

    found = onnx.shape_inference.infer_shapes(proto)
    sides = (value.type.tensor_type.shape.dim for value in _values(found.graph))
    return all(len(dims) != 1 or dims[0].dim_value <= _VALUES for dims in sides)


def at_size(
    proto: onnx.ModelProto, image: ImageInput, batch_size: int, size: Size
) -> onnx.ModelProto:
    """A copy whose pictures have this size."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    (tensor,) = (one for one in copy.graph.input if one.name == image.tensor.name)
    sides = tensor.type.tensor_type.shape.dim
    for side, number in zip(sides, image.shape(batch_size, size), strict=True):
        side.dim_value = number
    return copy


def excess(proto: onnx.ModelProto) -> str:
    """Which tensor behind the inputs of ``proto`` has more elements than are allowed; empty where
    none is known to."""
    import onnx

    try:
        few = has_few_values(proto)
        found = onnx.shape_inference.infer_shapes(proto, data_prop=few)
    except onnx.shape_inference.InferenceError:
        return ""
    for value in _values(found.graph):
        count = math.prod(side.dim_value for side in value.type.tensor_type.shape.dim)
        if why := ELEMENTS.excess(count):
            return f"its tensor {value.name!r}: {why}"
    return ""


def _values(graph: onnx.GraphProto) -> Iterator[onnx.ValueInfoProto]:
    """The tensors behind the inputs, those of branches and loops, too."""
    yield from (*graph.value_info, *graph.output)
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _values(inner)
