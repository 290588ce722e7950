"""Activations in uint8 in place of int8, for CPU kernels that want them so.

Moved by 128, the numbers and their zero point stand for the same values exactly. Where values can't
be negative, half of the numbers would be left over: there all 256 are used, in steps half as wide,
unless a Concat joins them with values that can be.

ONNX Runtime's fast convolutions on x86 take unsigned activations. It turns signed ones into
unsigned itself, but only where a single DequantizeLinear reads what was quantized: before a SiLU,
for one, two do, and the convolution stays in FP32. OpenVINO does so everywhere, but loses the zero
point on its way through a Concat (2026.4 without VNNI), and unsigned ones that differ wherever they
meet in one: what comes after is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.graph.positive import kept_apart, positive_values
from engines.graph.reading import constant_values, readers_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

_SHIFT = 128
_SCALE, _ZERO_POINT = 1, 2
"""Which inputs of a Quantize- or DequantizeLinear they are."""
_FINER = 127 / 255
"""The step with which the largest of 256 numbers stands for what 127 did."""


def make_unsigned(proto: ModelProto) -> None:
    """Rewrite, in place, every int8 QuantizeLinear of one scale whose readers all dequantize."""
    graph = proto.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    readers, constant = readers_of(graph), constant_values(graph)
    apart = kept_apart(graph, positive_values(graph))
    for node in [n for n in graph.node if n.op_type == "QuantizeLinear"]:
        pair = [node, *readers[node.output[0]]]
        if node.input[0] in constant:  # weights of others, which stay signed
            continue
        if _is_signed(node, constants) and _is_closed(graph, pair):
            zero = constants[node.input[_ZERO_POINT]]
            from_zero = node.input[0] in apart and _number(zero) == 0
            _shift(graph, pair, zero, 0 if from_zero else _SHIFT)
            if from_zero:
                _refine(graph, pair, constants)


def _is_signed(node: NodeProto, constants: dict[str, TensorProto]) -> bool:
    import onnx

    zero = constants.get(node.input[_ZERO_POINT]) if len(node.input) > _ZERO_POINT else None
    return zero is not None and zero.data_type == onnx.TensorProto.INT8 and not list(zero.dims)


def _is_closed(graph: GraphProto, pair: list[NodeProto]) -> bool:
    quantizer, *dequantizers = pair
    zero = quantizer.input[_ZERO_POINT]
    given_away = any(output.name == quantizer.output[0] for output in graph.output)
    return not given_away and all(
        node.op_type == "DequantizeLinear" and list(node.input[_ZERO_POINT:]) == [zero]
        for node in dequantizers
    )


def _shift(graph: GraphProto, pair: list[NodeProto], zero: TensorProto, by: int) -> None:
    import onnx
    from onnx import helper

    kind = onnx.TensorProto.UINT8
    name = f"{pair[0].output[0]}_unsigned_zero_point"
    graph.initializer.append(helper.make_tensor(name, kind, [], [_number(zero) + by]))
    for node in pair:
        node.input[_ZERO_POINT] = name
    for attribute in pair[0].attribute:
        if attribute.name == "output_dtype":
            attribute.i = kind
    stated = [value for value in graph.value_info if value.name == pair[0].output[0]]
    for value in stated:
        graph.value_info.remove(value)


def _refine(graph: GraphProto, pair: list[NodeProto], constants: dict[str, TensorProto]) -> None:
    """Give a pair steps half as wide, where it has one constant scale."""
    from onnx import numpy_helper

    name = pair[0].input[_SCALE]
    if name not in constants or any(node.input[_SCALE] != name for node in pair):
        return
    finer = f"{name}_of_256"
    if finer not in constants:
        step = numpy_helper.to_array(constants[name])
        made = numpy_helper.from_array((step * _FINER).astype(step.dtype), finer)
        constants[finer] = made
        graph.initializer.append(made)
    for node in pair:
        node.input[_SCALE] = finer


def _number(tensor: TensorProto) -> int:
    from onnx import numpy_helper

    return int(numpy_helper.to_array(tensor))
