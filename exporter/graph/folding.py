"""Fold each BatchNorm into the convolution before it.

PyTorch's own exporter folds a BatchNorm that is called once; one in a backbone that runs at
several scales keeps a node per call. Here each call's convolution gets the same folded weights.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporter.graph.constants import drop_unused
from exporter.graph.passes import GraphPass, all_nodes
from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]


class FoldBatchNorm(GraphPass):
    """Turn Conv → BatchNormalization into Conv, where the convolution has no other consumer."""

    name = "fold-batch-norm"

    def requires(self, model: onnx.ModelProto) -> None:
        """No condition: a BatchNorm without a convolution before it stays."""

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        graph = model.graph
        weights = _Weights(graph)
        for pair in foldable(graph):
            _fold(pair, weights)
            graph.node.remove(pair.norm)
        drop_unused(graph)
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        if left := foldable(model.graph):
            raise ExportError(
                "BatchNorm could not be folded into the convolutions",
                f"{len(left)} are left, {left[0].norm.name} first",
                "This is a bug in sizewise: report it with the network.",
            )


@dataclass(frozen=True)
class Pair:
    """A convolution and the BatchNormalization that alone consumes it."""

    conv: onnx.NodeProto
    norm: onnx.NodeProto


def foldable(graph: onnx.GraphProto) -> list[Pair]:
    """The pairs whose parameters are all constants of the graph."""
    constants = {tensor.name for tensor in graph.initializer}
    convolutions = {n.output[0]: n for n in graph.node if n.op_type == "Conv"}
    uses = Counter(name for node in all_nodes(graph) for name in node.input)
    uses.update(output.name for output in graph.output)
    return [
        Pair(convolutions[norm.input[0]], norm)
        for norm in graph.node
        if norm.op_type == "BatchNormalization"
        and norm.input[0] in convolutions
        and uses[norm.input[0]] == 1
        and constants.issuperset(convolutions[norm.input[0]].input[1:])
        and constants.issuperset(norm.input[1:])
        and not _attribute(norm, "training_mode", 0)
    ]


class _Weights:
    """The graph's constants: read as float64, and each folded pair written once."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._folded: dict[tuple[str, ...], tuple[str, str]] = {}

    def read(self, name: str) -> Array:
        from onnx import numpy_helper

        return numpy_helper.to_array(self._tensors[name]).astype(np.float64)

    def folded(self, pair: Pair) -> tuple[str, str]:
        """Names of the folded kernel and bias: the same ones for every call of the pair."""
        key = (*pair.conv.input[1:], *pair.norm.input[1:])
        if key not in self._folded:
            dtype = self._tensors[pair.conv.input[1]].data_type
            names = (f"{key[0]}.folded_{len(self._folded)}", f"{key[0]}.bias_{len(self._folded)}")
            for name, array in zip(names, self._arrays(pair), strict=True):
                self._add(name, array, dtype)
            self._folded[key] = names
        return self._folded[key]

    def _arrays(self, pair: Pair) -> tuple[Array, Array]:
        kernel, *bias = (self.read(name) for name in pair.conv.input[1:])
        scale, shift, mean, variance = (self.read(name) for name in pair.norm.input[1:])
        factor = scale / np.sqrt(variance + _attribute(pair.norm, "epsilon", 1e-5))
        centred = (bias[0] if bias else 0.0) - mean
        return kernel * factor.reshape(-1, *[1] * (kernel.ndim - 1)), centred * factor + shift

    def _add(self, name: str, array: Array, data_type: int) -> None:
        from onnx import helper, numpy_helper

        dtype = helper.tensor_dtype_to_np_dtype(data_type)
        self._graph.initializer.append(numpy_helper.from_array(array.astype(dtype), name))


def _fold(pair: Pair, weights: _Weights) -> None:
    names = weights.folded(pair)
    del pair.conv.input[1:]
    pair.conv.input.extend(names)
    pair.conv.output[0] = pair.norm.output[0]


def _attribute(node: onnx.NodeProto, name: str, default: float) -> float:
    from onnx import helper

    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)
