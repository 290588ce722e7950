"""Pairs of QuantizeLinear and DequantizeLinear that ONNX Runtime needs and our files leave out.

It computes in 8 bits only between a DequantizeLinear and a QuantizeLinear. Our files quantize a
tensor once, where a compiler that fuses a convolution with its activation wants it. The other
pairs follow without any data: behind what moves quantized values, by the same scale (nothing is
rounded again), and between a convolution and its activation, by the range in the file's metadata.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engines.graph.reading import captured, readers_of
from sizewise.core.onnxfiles.moving import moved_inputs
from sizewise.core.onnxfiles.ranges import read_ranges

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

WIDE = ".wide"
"""What follows the name of what a convolution gives, where the caller gets it rounded."""
_LARGEST = 127.0
"""What the end of a range becomes in int8."""


@dataclass(frozen=True)
class _Scale:
    """The names of a scale and its zero point, and the scale's value."""

    scale: str
    zero: str
    value: float


def add_pairs(proto: ModelProto) -> None:
    """Add, in place, the pairs that a quantized graph of ours leaves out."""
    _Writer(proto).write()


class _Writer:
    def __init__(self, proto: ModelProto) -> None:
        self._graph, self._ranges = proto.graph, read_ranges(proto)
        self._constants = {tensor.name: tensor for tensor in proto.graph.initializer}
        self._readers = readers_of(proto.graph)
        self._given = {output.name for output in proto.graph.output}
        self._captured = captured(proto.graph)
        self._scales: dict[str, _Scale] = {}
        """Of dequantized activations, by their names."""
        self._instead: dict[str, str] = {}
        self._written: list[NodeProto] = []

    def write(self) -> None:
        for node in list(self._graph.node):
            for place, name in enumerate(node.input):
                node.input[place] = self._instead.get(name, name)
            self._written.append(node)
            if node.op_type == "DequantizeLinear":
                self._note(node)
            elif scale := self._moved_by(node):
                for name in node.output:
                    self._pair(name, scale)
            elif scale := self._given_by(node):
                if node.output[0] in self._given:
                    self._pair_before(node, scale)
                else:
                    self._pair(node.output[0], scale)
        del self._graph.node[:]
        self._graph.node.extend(self._written)

    def _note(self, node: NodeProto) -> None:
        if node.input[0] in self._constants or len(node.input) < 3:
            return
        scale = self._constants.get(node.input[1])
        if scale is not None and not list(scale.dims):
            self._scales[node.output[0]] = _Scale(node.input[1], node.input[2], _value(scale))

    def _moved_by(self, node: NodeProto) -> _Scale | None:
        """The one scale of all that a node moves; None where it computes."""
        scales = [self._scales.get(name) for name in moved_inputs(node)]
        first = next(iter(scales), None)
        return first if first and all(o and o.value == first.value for o in scales) else None

    def _given_by(self, node: NodeProto) -> _Scale | None:
        """The scale of what a quantized convolution gives; None where the file has none."""
        reach = self._ranges.get(node.output[0])
        if node.op_type != "Conv" or reach is None or node.input[0] not in self._scales:
            return None
        readers = self._readers[node.output[0]]
        if readers and all(map(self._only_clips, readers)):
            return None
        from onnx import numpy_helper

        value = np.float32(reach / _LARGEST)
        name = f"{node.output[0]}.before_activation.scale"
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return _Scale(name, self._scales[node.input[0]].zero, float(value))

    def _only_clips(self, node: NodeProto) -> bool:
        """Whether it is a Relu that is quantized: ONNX Runtime has the quantization clip instead,
        and the convolution before gives 8 bits at once."""
        behind = [one.op_type for one in self._readers[node.output[0]]]
        return node.op_type == "Relu" and set(behind) == {"QuantizeLinear"}

    def _pair(self, name: str, scale: _Scale) -> None:
        """Quantize and dequantize a tensor, unless the file does so itself, or a branch or the
        caller reads it. What nobody reads gets a pair, too: a Split runs in 8 bits only where all
        that it gives is quantized."""
        readers = [node.op_type for node in self._readers[name]]
        if not name or "QuantizeLinear" in readers or name in self._given | self._captured:
            return
        self._instead[name] = self._quantized(name, f"{name}.again", scale)

    def _pair_before(self, node: NodeProto, scale: _Scale) -> None:
        """Quantize what a convolution gives the caller, under the name that the caller knows."""
        name = node.output[0]
        node.output[0] = f"{name}{WIDE}"
        self._quantized(node.output[0], name, scale)

    def _quantized(self, name: str, made: str, scale: _Scale) -> str:
        """Write a pair behind the tensor ``name``, which gives ``made``."""
        from onnx import helper

        narrow = f"{name}.narrow"
        for kind, given, gives in (
            ("QuantizeLinear", name, narrow),
            ("DequantizeLinear", narrow, made),
        ):
            node = helper.make_node(
                kind, [given, scale.scale, scale.zero], [gives], f"{gives}.{kind}"
            )
            self._written.append(node)
        self._scales[made] = scale
        return made


def _value(scale: TensorProto) -> float:
    from onnx import numpy_helper

    return float(numpy_helper.to_array(scale))
