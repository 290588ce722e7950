"""Pairs of QuantizeLinear and DequantizeLinear that ONNX Runtime needs and our files leave out.

It computes in 8 bits only between a DequantizeLinear and a QuantizeLinear. Our files quantize a
tensor once, where a compiler that fuses a convolution with its activation wants it. The other
pairs follow without any data: behind what moves quantized values, by the same scale (nothing is
rounded again), and between a convolution and its activation, by the range in the file's metadata.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engines.graph.positive import kept_apart, positive_values
from engines.graph.reading import captured, readers_of
from sizewise.core.onnxfiles.moving import moved_inputs
from sizewise.core.onnxfiles.ranges import read_ranges

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

WIDE = ".wide"
"""What follows the name of what a convolution gives, where the caller gets it rounded."""
_LARGEST = 127.0
"""What the end of a range becomes in int8."""
_LEAST = 1e-12
"""The scale of what gave nothing but zeros while it was calibrated, for which any will do."""
_SHAPES = frozenset({"Shape", "Size"})
"""Operators that read no value."""


@dataclass(frozen=True)
class _Scale:
    """The names of a scale and its zero point, the former's value, the latter's type and value."""

    scale: str
    zero: str
    value: float
    offset: tuple[int, float]

    def rounds_as(self, other: _Scale | None) -> bool:
        """Whether numbers of one stand for the same values as those of the other."""
        return other is not None and (self.value, self.offset) == (other.value, other.offset)


def add_pairs(proto: ModelProto) -> None:
    """Add, in place, the pairs that a quantized graph of ours leaves out."""
    _Writer(proto.graph, read_ranges(proto)).write()


def add_pairs_behind(proto: ModelProto, kinds: Collection[str]) -> None:
    """Add, in place, those behind operators of these ``kinds`` alone, which move quantized
    values."""
    _Writer(proto.graph, {}, kinds).write()


class _Writer:
    """Behind operators of these ``kinds`` alone, where there are any."""

    def __init__(
        self, graph: GraphProto, ranges: Mapping[str, float], kinds: Collection[str] = ()
    ) -> None:
        self._graph, self._ranges, self._kinds = graph, ranges, kinds
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._readers = readers_of(graph)
        self._apart = kept_apart(graph, positive_values(graph))
        self._held = {output.name for output in graph.output} | captured(graph)
        """What the caller reads, or a branch does, by its name."""
        self._scales: dict[str, _Scale] = {}
        """Of activations that were rounded, by their names."""
        self._sources: dict[str, str] = {}
        """What was quantized, by the name that it then has."""
        self._rounded: dict[str, str] = {}
        """The dequantized form that a tensor has in the file itself."""
        self._layers: set[str] = set()
        """What quantized convolutions give that the file itself quantizes at once."""
        self._instead: dict[str, str] = {}
        self._written: list[NodeProto] = []

    def write(self) -> None:
        for node in list(self._graph.node):
            self._redirect(node)
            self._written.append(node)
            if node.op_type == "QuantizeLinear":
                self._sources[node.output[0]] = node.input[0]
            elif node.op_type == "DequantizeLinear":
                self._note(node)
            elif scale := self._moved_by(node):
                for name in filter(None, node.output):
                    self._pair_behind(node, name, scale)
            elif scale := self._given_by(node):
                self._pair_layer(node, scale)
        del self._graph.node[:]
        self._graph.node.extend(self._written)

    def _redirect(self, node: NodeProto) -> None:
        """Have a node read what was rounded, where it is to. The shape is that of either form, and
        8 bits end where something beside a QuantizeLinear reads what a kernel gives."""
        if node.op_type == "QuantizeLinear":
            return
        instead = self._rounded if node.op_type in _SHAPES else {}
        for place, name in enumerate(node.input):
            node.input[place] = self._instead.get(name, instead.get(name, name))

    def _note(self, node: NodeProto) -> None:
        if node.input[0] in self._constants or len(node.input) < 3:
            return
        source = self._sources.get(node.input[0], "")
        self._rounded[source] = node.output[0]
        if source in self._layers:
            self._instead[source] = node.output[0]
        scale, zero = (self._constants.get(name) for name in node.input[1:3])
        if scale is not None and zero is not None and not [*scale.dims, *zero.dims]:
            value, offset = _value(scale), (zero.data_type, _value(zero))
            self._scales[node.output[0]] = _Scale(node.input[1], node.input[2], value, offset)

    def _moved_by(self, node: NodeProto) -> _Scale | None:
        """The one scale of all that a node moves; None where it computes."""
        scales = [self._scales.get(name) for name in moved_inputs(node)]
        first = next(iter(scales), None)
        return first if first and all(map(first.rounds_as, scales)) else None

    def _given_by(self, node: NodeProto) -> _Scale | None:
        """The scale of what a quantized convolution gives; None where the file has none."""
        name = node.output[0]
        reach = self._ranges.get(name)
        if node.op_type != "Conv" or reach is None or node.input[0] not in self._scales:
            return None
        readers = self._readers[name]
        if name not in self._held and readers and all(map(self._only_clips, readers)):
            return None
        from onnx import numpy_helper

        value = np.float32(max(reach / _LARGEST, _LEAST))
        made = f"{name}.before_activation.scale"
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value), made))
        return replace(self._scales[node.input[0]], scale=made, value=float(value))

    def _only_clips(self, node: NodeProto) -> bool:
        """Whether it is a Relu that is quantized from 0 on and read in no other form: ONNX Runtime
        has the quantization clip instead, and the convolution before gives 8 bits at once."""
        name = node.output[0]
        behind = {one.op_type for one in self._readers[name]} - _SHAPES
        clips = node.op_type == "Relu" and behind == {"QuantizeLinear"}
        return clips and name in self._apart and name not in self._held

    def _pair_behind(self, node: NodeProto, name: str, scale: _Scale) -> None:
        """Quantize and dequantize what a node moves, unless the file does so itself. What nobody
        reads gets a pair, too: a Split runs in 8 bits only where all that it gives is quantized."""
        self._scales[name] = scale
        if self._kinds and node.op_type not in self._kinds:
            return
        if not self._is_quantized(name):
            self._instead[name] = self._quantized(name, f"{name}.again", scale)

    def _pair_layer(self, node: NodeProto, scale: _Scale) -> None:
        """Quantize what a convolution gives: under the name that the caller or a branch knows,
        where one reads it. Where the file does so at once, all readers get what it gives."""
        name = node.output[0]
        if name in self._held:
            node.output[0] = f"{name}{WIDE}"
            self._quantized(node.output[0], name, scale)
        elif self._is_quantized(name):
            self._layers.add(name)
        else:
            self._instead[name] = self._quantized(name, f"{name}.again", scale)

    def _is_quantized(self, name: str) -> bool:
        return any(node.op_type == "QuantizeLinear" for node in self._readers[name])

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


def _value(tensor: TensorProto) -> float:
    from onnx import numpy_helper

    return float(numpy_helper.to_array(tensor))
