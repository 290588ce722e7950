"""Explicit quantization (Q/DQ) of convolutions in 8 bits.

Symmetric: the zero point is zero, as TensorRT asks. Weights have a scale for each output channel
and are stored in 8 bits behind a DequantizeLinear. An activation has one scale, and is quantized
where ``_placing`` says. Biases stay in float32, moved by what quantization does to the mean of a
channel: each library makes its own of them, in 32 bits at the scale of the products. Metadata say
how far the values reach that convolutions give, before their activation functions: a back end may
want these quantized too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporter.graph.constants import drop_unused
from exporter.graph.passes import GraphPass, NothingNarrowedError
from exporter.graph.regions import Graph, label
from exporter.graph.types import QUANTIZERS, demand_fp32
from exporter.precisions._evidence import Evidence
from exporter.precisions._placing import Placement
from exporter.precisions._retyping import FLOAT
from sizewise.core.errors import ExportError
from sizewise.core.onnxfiles.ranges import write_least, write_ranges

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

Array = NDArray[Any]

_OWN = "sizewise/"
"""A prefix that keeps the names made here apart from those of the graph."""
_SMALLEST_SCALE = 1e-12
"""The scale of a channel or a tensor of zeros, for which any scale will do."""
_LARGEST_BIAS = 2.0**29
"""Of 32 bits, with room for the sum and for steps half as wide, as back ends have them where values
can't be negative. A channel with next to no weight would have so small a scale
that a library cuts its bias off; its weights are then quantized to zeros instead."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """An 8-bit type.

    ``largest`` is the value that the threshold of an activation maps to, ``largest_weight`` that
    of weights, by their bits. ``rounded`` converts a scaled array to the type. With
    ``integer_bias``, libraries add biases in 32 bits.
    """

    name: str
    largest: float
    largest_weight: Callable[[int], float]
    rounded: Callable[[Array, float], Array]
    integer_bias: bool = False


def convolutions(graph: Graph) -> list[Node]:
    """The convolutions with constant weights that are worth it, heads among them.

    One of pooled values, as in a gate by squeeze and excitation, computes next to nothing, and its
    error would be that of whole channels.
    """
    pooled = graph.pooled()
    return [
        node
        for node in graph.layers()
        if node.op_type == "Conv"
        and node.input[1] in graph.constants
        and node.input[0] not in pooled
    ]


def chosen_layers(graph: Graph, evidence: Evidence) -> list[Node]:
    """Those to be quantized: none that ``evidence`` excludes, and of the heads those it names."""
    inner = graph.inner()
    return [
        node
        for node in convolutions(graph)
        if label(node) not in evidence.excluded
        and (node.output[0] in inner or label(node) in evidence.heads)
    ]


class Quantized(GraphPass):
    """Quantize convolutions to ``grid``, but for those that ``evidence`` excludes.

    Scales are stored in float32, and are numbers that ``scale_type`` holds as well.
    """

    def __init__(self, grid: Grid, evidence: Evidence, scale_type: int = FLOAT) -> None:
        self.name = grid.name  # type: ignore[misc]
        self._grid, self._evidence, self._scale_type = grid, evidence, scale_type

    def requires(self, model: onnx.ModelProto) -> None:
        demand_fp32(model, self.name)
        graph = Graph(model)
        if not graph.inner().intersection(node.output[0] for node in convolutions(graph)):
            raise ExportError(
                f"The model can't be converted to {self.name}",
                "no convolution with constant weights comes before its last layers",
                "Use it in fp32, fp16 or bf16.",
            )

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        graph = Graph(model)
        chosen = chosen_layers(graph, self._evidence)
        writer = _Writer(model, graph, self._grid, self._evidence, self._scale_type)
        least = dict(writer.write(chosen))
        given = {node.output[0] for node in chosen}
        reached = {n: value for n, value in self._evidence.thresholds.items() if n in given}
        write_ranges(model, reached)
        below = {n: value for n, value in self._evidence.least.items() if n in given}
        write_least(model, below | least)
        drop_unused(model.graph)
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        """Raises NothingNarrowedError where no convolution is quantized."""
        made = {name for n in model.graph.node if n.op_type in QUANTIZERS for name in n.output}
        if not any(n.op_type == "Conv" and n.input[1] in made for n in model.graph.node):
            raise NothingNarrowedError(
                f"The model can't be converted to {self.name}",
                "every convolution is excluded, so all of them stay in float32",
                "Exclude fewer layers, or use the model in fp16.",
            )


class _Writer:
    """Writes the quantized graph: each tensor is quantized once, right behind what gives it."""

    def __init__(
        self,
        model: onnx.ModelProto,
        graph: Graph,
        grid: Grid,
        evidence: Evidence,
        scale_type: int,
    ) -> None:
        self._proto, self._graph, self._grid = model.graph, graph, grid
        self._evidence, self._scale_type = evidence, scale_type
        self._written: list[Node] = []
        self._made: dict[str, str] = {}
        """The dequantized form of each tensor, by its name."""
        self._weights: dict[str, str] = {}
        """The same of weights."""

    def write(self, chosen: list[Node]) -> Mapping[str, float]:
        """The smallest values of what is quantized, by tensor."""
        layers = {node.output[0] for node in chosen}
        placement = Placement(self._graph, sorted(layers), self._evidence.thresholds)
        reached = placement.reach()
        largest = np.array([*reached.values()]) / self._grid.largest
        rounded = _held(np.maximum(largest, _SMALLEST_SCALE), self._scale_type)
        scales = dict(zip(reached, rounded.tolist(), strict=True))
        least = self._least_scales(chosen, scales)
        for name in self._graph.inputs:
            self._quantize(name, placement, scales)
        for node in list(self._proto.node):
            if node.output[0] in layers:
                node.input[1] = self._weight(node.input[1], least[node.input[1]])
            if placement.reads_rounded(node):
                for place, name in enumerate(node.input):
                    node.input[place] = self._made.get(name, name)
            self._written.append(node)
            for name in node.output:
                self._quantize(name, placement, scales)
        del self._proto.node[:]
        self._proto.node.extend(self._written)
        return placement.least(self._evidence.least)

    def _quantize(self, name: str, placement: Placement, scales: Mapping[str, float]) -> None:
        if name in placement.sources:
            scale = np.float32(scales[name])
            quantizer = self._parameters(name, scale, np.zeros((), np.float32))
            narrow = f"{_OWN}{name}.{self._grid.name}"
            self._node("QuantizeLinear", [name, *quantizer], narrow)
            made = f"{_OWN}{name}.dequantized"
            self._made[name] = self._node("DequantizeLinear", [narrow, *quantizer], made)

    def _shifted_bias(self, node: Node) -> Array | None:
        """The constant bias of a convolution, after the shift that its evidence has; None without
        one. A convolution without a bias gets one."""
        from onnx import numpy_helper

        name, held = (*node.input, "")[2], self._graph.constants
        bias = numpy_helper.to_array(held[name]) if name in held else None
        shift = self._evidence.shifts.get(node.output[0])
        if shift is None or (name and bias is None):
            return bias
        shifted: Array = np.asarray(shift if bias is None else bias + shift, np.float32)
        written = self._constant(f"{_OWN}{node.output[0]}.bias", shifted)
        node.input[:] = [*node.input[:2], written]
        return shifted

    def _least_scales(self, chosen: list[Node], scales: Mapping[str, float]) -> dict[str, Array]:
        """By weights, the least scale of each channel with which its bias fits into 32 bits: that
        of every layer that has these weights. Writes the biases."""
        least: dict[str, Array] = {}
        for node in chosen:
            needed: Array = np.asarray(_SMALLEST_SCALE)
            bias = self._shifted_bias(node)
            if bias is not None and self._grid.integer_bias:
                needed = np.abs(bias) / (_LARGEST_BIAS * scales[node.input[0]])
            of_others = least.get(node.input[1], _SMALLEST_SCALE)
            least[node.input[1]] = np.maximum(needed, of_others)
        return least

    def _weight(self, name: str, least: Array) -> str:
        """The dequantized form of weights, quantized at their first use."""
        from onnx import numpy_helper

        if name not in self._weights:
            weights = numpy_helper.to_array(self._graph.constants[name])
            largest = self._grid.largest_weight(self._evidence.weight_bits)
            reach = np.abs(weights).reshape(len(weights), -1).max(1)
            wanted = np.maximum(reach / largest, least)
            scales = _held(wanted, self._scale_type).astype(np.float32)
            scaled = weights / scales.reshape(-1, *[1] * (weights.ndim - 1))
            quantizer = self._parameters(name, scales, np.zeros(len(scales), np.float32))
            rounded = self._grid.rounded(scaled, largest)
            stored = self._constant(f"{_OWN}{name}.{self._grid.name}", rounded)
            self._weights[name] = self._node(
                "DequantizeLinear", [stored, *quantizer], f"{_OWN}{name}.dequantized", axis=0
            )
        return self._weights[name]

    def _parameters(self, name: str, scale: Any, zero: Array) -> tuple[str, str]:
        dtype = self._grid.rounded(zero, 1.0).dtype
        return (
            self._constant(f"{_OWN}{name}.scale", np.asarray(scale)),
            self._constant(f"{_OWN}{name}.zero_point", zero.astype(dtype)),
        )

    def _constant(self, name: str, array: Array) -> str:
        from onnx import numpy_helper

        self._proto.initializer.append(numpy_helper.from_array(array, name))
        return name

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self._written.append(
            helper.make_node(kind, inputs, [output], name=f"{output}.{kind}", **attributes)
        )
        return output


def _held(scales: Array, data_type: int) -> Array:
    """``scales`` as the next larger numbers of ``data_type``, where that is narrower than float32:
    nothing is clipped then, and none becomes 0. One beyond the type stays as it is: no layer of
    that type has such values."""
    from onnx import helper

    if data_type == FLOAT:
        return scales
    dtype = helper.tensor_dtype_to_np_dtype(data_type)
    with np.errstate(over="ignore", under="ignore"):
        narrow = scales.astype(dtype)
        above = np.nextafter(narrow, dtype.type(np.inf))
    held = np.where(narrow.astype(np.float64) < scales, above, narrow).astype(np.float64)
    return np.where(np.isfinite(held), held, scales)
