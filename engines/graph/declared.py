"""Shapes that a file declares and that its graph does not give.

Exporters leave the shapes of an example behind, and tools that edit graphs forget to update them.
ONNX Runtime plans its memory by them, and fails in a call where they are untrue; by itself it finds
the right ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from engines.graph.reading import load_without_weights
from engines.inputs import input_shapes
from sizewise.core.further.resolving import further_of
from sizewise.core.specs import EngineSpec, ExportedModel, Size

if TYPE_CHECKING:
    import onnx

_Shape = tuple[int | None, ...]


def untrue_shapes(model: ExportedModel, spec: EngineSpec) -> dict[str, str]:
    """The tensors of ``model`` whose declared shape is untrue at a size of ``spec``, as far as
    shapes can be inferred: by name, what is declared and what is found."""
    import onnx

    proto = onnx.load(model.path, load_external_data=False)
    declared = {one.name: _shape(one) for one in _declaring(proto.graph)}
    if not declared:
        return {}
    found: dict[str, str] = {}
    for size in (spec.profiles[0].min, spec.profiles[-1].max):
        for name, shape in _inferred(model, spec, size).items():
            if name in declared and not _agree(declared[name], shape):
                found[name] = f"{_listed(declared[name])}, and at {size} it is {_listed(shape)}"
    return found


def forget_shapes(proto: onnx.ModelProto, names: Mapping[str, str]) -> None:
    """Remove the declared shapes of the tensors ``names``: whoever reads the graph infers them."""
    kept = [one for one in proto.graph.value_info if one.name not in names]
    del proto.graph.value_info[:]
    proto.graph.value_info.extend(kept)
    for output in proto.graph.output:
        if output.name in names:
            output.type.tensor_type.ClearField("shape")


def forget_output_shapes(proto: onnx.ModelProto) -> None:
    """Remove the declared shapes of all outputs, to infer them from the graph alone."""
    for output in proto.graph.output:
        output.type.tensor_type.ClearField("shape")


def _declaring(graph: onnx.GraphProto) -> Iterator[onnx.ValueInfoProto]:
    """The tensors behind the inputs for which the graph declares a shape."""
    for one in (*graph.output, *graph.value_info):
        if one.type.HasField("tensor_type") and one.type.tensor_type.HasField("shape"):
            yield one


def _inferred(model: ExportedModel, spec: EngineSpec, size: Size) -> dict[str, _Shape]:
    """The shapes that the graph gives at ``size``; none where inference fails."""
    import onnx

    proto = load_without_weights(model.path)
    shapes = input_shapes(model.image, further_of(model), spec.batch_size, size)
    for tensor in proto.graph.input:
        dimensions = tensor.type.tensor_type.shape.dim
        for dimension, side in zip(dimensions, shapes.get(tensor.name, ()), strict=False):
            dimension.dim_value = side
    forget_output_shapes(proto)
    try:
        graph = onnx.shape_inference.infer_shapes(proto, data_prop=True).graph
    except onnx.shape_inference.InferenceError:
        return {}
    return {one.name: _shape(one) for one in _declaring(graph)}


def _shape(value: onnx.ValueInfoProto) -> _Shape:
    """Numbers, and None where a dimension is free."""
    dimensions = value.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in dimensions)


def _agree(declared: _Shape, found: _Shape) -> bool:
    return len(declared) == len(found) and all(
        a is None or b is None or a == b for a, b in zip(declared, found, strict=True)
    )


def _listed(shape: _Shape) -> str:
    return f"[{', '.join('?' if side is None else str(side) for side in shape)}]"
