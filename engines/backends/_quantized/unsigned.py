"""Activations in uint8 in place of int8, for CPU kernels that want them so.

Moved by 128, the numbers and their zero point stand for the same values exactly. Where values can't
be negative, half of the numbers would be left over: there all 256 are used, in steps half as wide.
Where it is known how far values reach below zero, as behind a LeakyReLU, a library may want the
same: steps from there on.

ONNX Runtime's fast convolutions on x86 take unsigned activations. It turns signed ones into
unsigned itself, but only where a single DequantizeLinear reads what was quantized: before a SiLU,
for one, two do, and the convolution stays in FP32. OpenVINO does so everywhere, but what comes
after a Concat is wrong (2026.4): without VNNI it loses signed zero points there, and with VNNI
unsigned ones that differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from engines.backends._quantized.carrying import WIDE
from engines.graph.positive import kept_apart, positive_values
from engines.graph.reading import constant_values, readers_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

_SHIFT = 128
_SCALE, _ZERO_POINT = 1, 2
"""Which inputs of a Quantize- or DequantizeLinear they are."""
_SIGNED_LARGEST, _LARGEST = 127, 255
_WORTH = 0.9
"""The share below zero of what lies above, from which on other steps are hardly finer."""


def make_unsigned(proto: ModelProto, least: Mapping[str, float] = MappingProxyType({})) -> None:
    """Rewrite, in place, every int8 QuantizeLinear of one scale whose readers all dequantize.

    ``least`` are the smallest values of tensors, or 0 where none is below. Smaller ones than those
    are clipped. Without it, steps are finer where operators tell that no value is negative, and
    none of a Concat's other inputs has negative ones: OpenVINO runs a Concat in FP32 whose inputs
    have several zero points.
    """
    graph = proto.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    readers, constant = readers_of(graph), constant_values(graph)
    apart = kept_apart(graph, positive_values(graph))
    # Weights, as other tools write them, stay signed.
    quantizers = [
        node
        for node in graph.node
        if node.op_type == "QuantizeLinear" and node.input[0] not in constant
    ]
    below = _by_scale(quantizers, least)
    for node in quantizers:
        pair = [node, *readers[node.output[0]]]
        if not _is_signed(node, constants) or not _is_closed(graph, pair):
            continue
        zero, scale = _number(constants[node.input[_ZERO_POINT]]), node.input[_SCALE]
        reach = _reach_below(constants.get(scale), below.get(scale))
        if zero == 0 and reach is None and node.input[0] in apart:
            reach = 0.0
        one_scale = scale in constants and all(one.input[_SCALE] == scale for one in pair)
        if zero == 0 and reach is not None and reach < _WORTH and one_scale:
            point = math.ceil(_LARGEST * reach / (1 + reach))
            _rescale(graph, pair, constants, _SIGNED_LARGEST / (_LARGEST - point))
            _set_zero_point(graph, pair, point)
        else:
            _set_zero_point(graph, pair, zero + _SHIFT)


def _by_scale(quantizers: list[NodeProto], least: Mapping[str, float]) -> dict[str, float]:
    """The smallest values by the name of a scale: what only moved has that of where it was."""
    found: dict[str, float] = {}
    for node in quantizers:
        name = node.input[0].removesuffix(WIDE)
        if name in least:
            found.setdefault(node.input[_SCALE], least[name])
    return found


def _reach_below(scale: TensorProto | None, least: float | None) -> float | None:
    """How far values reach below zero, as a share of what is quantized above; None where that is
    not known."""
    from onnx import numpy_helper

    if scale is None or least is None or list(scale.dims):
        return None
    return -least / (_SIGNED_LARGEST * float(numpy_helper.to_array(scale)))


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


def _set_zero_point(graph: GraphProto, pair: list[NodeProto], point: int) -> None:
    import onnx
    from onnx import helper

    kind = onnx.TensorProto.UINT8
    name = f"{pair[0].output[0]}_unsigned_zero_point"
    graph.initializer.append(helper.make_tensor(name, kind, [], [point]))
    for node in pair:
        node.input[_ZERO_POINT] = name
    for attribute in pair[0].attribute:
        if attribute.name == "output_dtype":
            attribute.i = kind
    stated = [value for value in graph.value_info if value.name == pair[0].output[0]]
    for value in stated:
        graph.value_info.remove(value)


def _rescale(
    graph: GraphProto, pair: list[NodeProto], constants: dict[str, TensorProto], factor: float
) -> None:
    """Give a pair other steps; all pairs of a scale have the same."""
    from onnx import numpy_helper

    name = pair[0].input[_SCALE]
    other = f"{name}_of_256"
    if other not in constants:
        step = numpy_helper.to_array(constants[name])
        made = numpy_helper.from_array((step * factor).astype(step.dtype), other)
        constants[other] = made
        graph.initializer.append(made)
    for node in pair:
        node.input[_SCALE] = other


def _number(tensor: TensorProto) -> int:
    from onnx import numpy_helper

    return int(numpy_helper.to_array(tensor))
