"""The element types of the tensors of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.graph.passes import all_nodes
from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx

_FLOAT = 1
QUANTIZERS = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})


def float_types(model: onnx.ModelProto) -> set[str]:
    """NumPy's names of the floating-point types of inputs, outputs and constants."""
    import onnx

    values = (*model.graph.input, *model.graph.output)
    codes = {value.type.tensor_type.elem_type for value in values}
    codes |= {tensor.data_type for tensor in model.graph.initializer}
    codes |= {a.t.data_type for n in all_nodes(model.graph) for a in n.attribute if a.HasField("t")}
    names = {onnx.helper.tensor_dtype_to_np_dtype(code).name for code in codes}
    return {name for name in names if "float" in name}


def is_quantized(model: onnx.ModelProto) -> bool:
    return any(node.op_type in QUANTIZERS for node in all_nodes(model.graph))


def demand_fp32(model: onnx.ModelProto, precision: str) -> None:
    """Raises ExportError where the graph is in another precision than float32 already."""
    others = float_types(model) - {"float32"}
    if others == {"float64"} and _takes_float32(model):
        others = set()  # a constant, as some exporters leave one, stays what it is
    if others or is_quantized(model):
        what = "quantized" if is_quantized(model) else ", ".join(sorted(others))
        raise ExportError(
            f"The model can't be converted to {precision}",
            f"its graph is {what} already",
            "Start from the float32 file that it was made from.",
        )


def _takes_float32(model: onnx.ModelProto) -> bool:
    ends = (*model.graph.input, *model.graph.output)
    return any(end.type.tensor_type.elem_type == _FLOAT for end in ends)


def tensor_types(model: onnx.ModelProto) -> dict[str, int]:
    """The element type of every tensor at the top of the graph.

    Raises ExportError where ONNX can't infer one, as for an operator that is not ONNX's own.
    """
    import onnx

    try:
        inferred = onnx.shape_inference.infer_shapes(model).graph
    except onnx.shape_inference.InferenceError as error:
        raise _unknown(str(error).strip().splitlines()[0]) from error
    types = {tensor.name: tensor.data_type for tensor in inferred.initializer}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        types[value.name] = value.type.tensor_type.elem_type
    for node in model.graph.node:
        if missing := [name for name in node.output if name and not types.get(name)]:
            raise _unknown(f"the type of {missing[0]} ({node.op_type}) is unknown")
    return types


def _unknown(why: str) -> ExportError:
    return ExportError(
        "The types in the graph can't be inferred",
        why,
        "Export the model with ONNX's own operators.",
    )
