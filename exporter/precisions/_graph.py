"""What the passes ask of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.passes import all_nodes

if TYPE_CHECKING:
    import onnx

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
