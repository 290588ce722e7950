"""Convolutions in 8 bits, and in 16 what a quantized file leaves in float32 up to the heads.

The two passes there are decide each for itself: one which nodes may have the 16-bit type, by the
values of the float32 graph, the other what is quantized and where. What quantizes then has the type
of what it reads, and what dequantizes that of what reads it: QuantizeLinear and DequantizeLinear
take both from opset 19 on, with scales of the same type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.graph.passes import GraphPass
from exporter.precisions._quantized import Quantized
from exporter.precisions._retyping import retype
from exporter.precisions._typed import Typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

_VALUE, _SCALE = 0, 1
"""Which inputs of a Quantize- or DequantizeLinear they are."""
_BIAS = 2
"""Which input of a convolution it is."""


class Mixed(GraphPass):
    """Quantize as ``quantized`` does, whose scales must be numbers of the type of ``typed``, and
    convert the rest to that.

    Inputs, outputs and the decode stay in float32. A layer that ``quantized`` excludes runs in 16
    bits, unless ``typed`` excludes it, too.
    """

    def __init__(self, quantized: Quantized, typed: Typed) -> None:
        self.name = f"{quantized.name}+{typed.name}"  # type: ignore[misc]
        self._quantized, self._typed = quantized, typed

    def requires(self, model: onnx.ModelProto) -> None:
        self._typed.requires(model)
        self._quantized.requires(model)

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        narrow = self._typed.narrow(model)
        model = self._quantized.apply(model)
        narrow |= _given_biases(model, narrow)
        retype(model, self._typed.data_type, narrow | _quantizers(model, narrow))
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        """Raises ExportError as both passes do."""
        self._quantized.ensures(model)
        self._typed.ensures(model)


def _given_biases(model: onnx.ModelProto, narrow: Mapping[str, set[int]]) -> dict[str, set[int]]:
    """The convolutions of ``narrow`` that have a bias by now, with all inputs that change."""
    biased = (n for n in model.graph.node if n.op_type == "Conv" and len(n.input) > _BIAS)
    return {
        node.output[0]: narrow[node.output[0]] | {_BIAS}
        for node in biased
        if node.output[0] in narrow and node.input[_BIAS]
    }


def _quantizers(model: onnx.ModelProto, narrow: Mapping[str, set[int]]) -> dict[str, set[int]]:
    """What quantizes values of the nodes ``narrow`` and dequantizes for them, with the inputs that
    change."""
    nodes = [node for node in model.graph.node if node.output[0] in narrow]
    given = {name for node in nodes for name in node.output}
    read = {node.input[place] for node in nodes for place in narrow[node.output[0]]}
    found = {}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and node.input[_VALUE] in given:
            found[node.output[0]] = {_VALUE, _SCALE}
        elif node.op_type == "DequantizeLinear" and node.output[0] in read:
            found[node.output[0]] = {_SCALE}
    return found
