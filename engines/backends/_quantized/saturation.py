"""Quantized weights on an x86 processor without VNNI, where 8 bits are one too many.

Its instruction for 8-bit numbers (VPMADDUBSW) adds two products in 16 bits and clips the sum: two
weights beyond 64 times two activations near 255 are more than fits. Nothing warns of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.graph.reading import constant_values
from sizewise.core.errors import EngineMismatchError
from sizewise.core.machine import environment
from sizewise.core.options.declared import spelled

if TYPE_CHECKING:
    from onnx import ModelProto

_LARGEST, _LARGEST_OF_ALL = 64, 128
_VNNI = {"avx_vnni", "avx512_vnni", "amx_int8"}


def demand_room(proto: ModelProto, backend: str) -> None:
    """Raises EngineMismatchError (``unsupported_precision``) where sums could be clipped here."""
    if clips_sums() and takes_all_bits(proto):
        raise EngineMismatchError(
            f"{backend} can't run this int8 graph on this processor",
            "its weights use all 8 bits, and without VNNI sums of their products are clipped",
            f"Convert its FP32 file again with {spelled('weight_bits')} 7, or use a processor with "
            "VNNI.",
            reason_code="unsupported_precision",
        )


def clips_sums() -> bool:
    """Whether this processor is one of those."""
    flags = set(environment.read_processor().flags)
    return "avx2" in flags and not flags & _VNNI


def takes_all_bits(proto: ModelProto) -> bool:
    """Whether sums of two products with its quantized weights can exceed 16 bits."""
    return largest_weight(proto) > _LARGEST


def largest_weight(proto: ModelProto) -> int:
    """The largest magnitude among the int8 constants that are dequantized; 0 without any."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    read = {node.input[0] for node in proto.graph.node if node.op_type == "DequantizeLinear"}
    stored = (
        numpy_helper.to_array(tensor)
        for tensor in proto.graph.initializer
        if tensor.name in read and tensor.data_type == onnx.TensorProto.INT8
    )
    largest = (int(np.abs(values.astype(np.int16)).max(initial=0)) for values in stored)
    return max(_LARGEST_OF_ALL if _quantizes_weights(proto) else 0, *largest, 0)


def _quantizes_weights(proto: ModelProto) -> bool:
    """Whether weights are quantized in the graph itself, as other tools write them: as a rule up to
    the last of their numbers."""
    constant = constant_values(proto.graph)
    return any(
        node.op_type == "QuantizeLinear" and node.input[0] in constant for node in proto.graph.node
    )
