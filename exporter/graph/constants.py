"""Constants of a graph, in one place and one form: as initializers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from exporter.graph.passes import all_nodes

if TYPE_CHECKING:
    import onnx

_IR_VERSION = 4
"""The first whose initializers need not be inputs."""


def hoist_constants(model: onnx.ModelProto) -> onnx.ModelProto:
    """Turn the ``Constant`` nodes at the top of the graph into initializers, in place.

    Initializers that are also inputs (before IR version 4 all had to be) become constants only.
    """
    from onnx import numpy_helper

    graph = model.graph
    for node in [n for n in graph.node if n.op_type == "Constant"]:
        (attribute,) = node.attribute
        if attribute.name == "value":
            tensor = attribute.t
        elif (array := _plain(attribute)) is not None:
            tensor = numpy_helper.from_array(array)
        else:
            continue
        graph.initializer.add().CopyFrom(tensor)
        graph.initializer[-1].name = node.output[0]
        graph.node.remove(node)
    held = {tensor.name for tensor in graph.initializer}
    kept = [i for i in graph.input if i.name not in held]
    del graph.input[:]
    graph.input.extend(kept)
    model.ir_version = max(model.ir_version, _IR_VERSION)
    return model


def _plain(attribute: onnx.AttributeProto) -> NDArray[Any] | None:
    import numpy as np
    from onnx import helper

    dtypes = {"value_float": "f4", "value_floats": "f4", "value_int": "i8", "value_ints": "i8"}
    dtype = dtypes.get(attribute.name)
    return None if dtype is None else np.asarray(helper.get_attribute_value(attribute), dtype)


def drop_unused(graph: onnx.GraphProto) -> None:
    """Remove constants that no node reads, and the shapes of values that no longer exist."""
    used = {name for node in all_nodes(graph) for name in node.input}
    used.update(output.name for output in graph.output)
    for field in (graph.initializer, graph.value_info):
        kept = [entry for entry in field if entry.name in used]
        del field[:]
        field.extend(kept)  # type: ignore[arg-type]
