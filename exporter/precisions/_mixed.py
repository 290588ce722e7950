"""Convolutions in 8 bits, and in 16 what a quantized file leaves in float32 up to the heads.

Two passes decide, each by itself, on the float32 graph: ``_typed`` which nodes may have the 16-bit
type, ``_quantized`` what is quantized and where. A quantizer then has the type of what it reads,
and a dequantizer that of what reads it: from opset 19 on, both operators take either type, with
scales of the same type.
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
_APART = "apart"
"""What follows the name of a dequantized value for those that read it in float32."""


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
        narrow |= _with_biases(model, narrow)
        _part_readers(model, narrow)
        retype(model, self._typed.data_type, narrow | _quantizers(model, narrow))
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        """Raises ExportError as both passes do."""
        self._quantized.ensures(model)
        self._typed.ensures(model)


def _with_biases(model: onnx.ModelProto, narrow: Mapping[str, set[int]]) -> dict[str, set[int]]:
    """The convolutions among ``narrow``, with all of their inputs, which have one type: a corrected
    bias may be new."""
    return {
        node.output[0]: {place for place, name in enumerate(node.input) if name}
        for node in model.graph.node
        if node.op_type == "Conv" and node.output[0] in narrow
    }


def _part_readers(model: onnx.ModelProto, narrow: Mapping[str, set[int]]) -> None:
    """Give a DequantizeLinear of their own, in place, to those that read dequantized values in
    float32 where others read them in 16 bits. With a Cast in between, a layer would not be
    quantized."""
    dequantized = {n.output[0] for n in model.graph.node if n.op_type == "DequantizeLinear"}
    shared = dequantized & _read_in_16_bits(model, narrow)
    parted: set[str] = set()
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name in shared and place not in narrow.get(node.output[0], ()):
                node.input[place] = f"{name}.{_APART}"
                parted.add(name)
    written = []
    for node in model.graph.node:
        written.append(node)
        if node.op_type == "DequantizeLinear" and node.output[0] in parted:
            written.append(_renamed(node, f"{node.output[0]}.{_APART}"))
    del model.graph.node[:]
    model.graph.node.extend(written)


def _read_in_16_bits(model: onnx.ModelProto, narrow: Mapping[str, set[int]]) -> set[str]:
    return {
        node.input[place] for node in model.graph.node for place in narrow.get(node.output[0], ())
    }


def _renamed(node: onnx.NodeProto, output: str) -> onnx.NodeProto:
    made = type(node)()
    made.CopyFrom(node)
    made.output[0], made.name = output, f"{output}.{node.op_type}"
    return made


def _quantizers(model: onnx.ModelProto, narrow: Mapping[str, set[int]]) -> dict[str, set[int]]:
    """What quantizes values of the nodes ``narrow`` and dequantizes for them, with the inputs that
    change."""
    nodes = [node for node in model.graph.node if node.output[0] in narrow]
    given = {name for node in nodes for name in node.output}
    read = _read_in_16_bits(model, narrow)
    found = {}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and node.input[_VALUE] in given:
            found[node.output[0]] = {_VALUE, _SCALE}
        elif node.op_type == "DequantizeLinear" and node.output[0] in read:
            found[node.output[0]] = {_SCALE}
    return found
