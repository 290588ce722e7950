"""How many channels an input takes whose file leaves that open, read from its first layers.

Some exporters name every dimension of an input, its channels too. The first convolution says how
many there are, and a Transpose before it that they stand last.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from sizewise.core.specs import TensorSpec

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

_POINTWISE = frozenset(
    {
        *("Add", "Sub", "Mul", "Div", "Cast", "Identity", "Clip", "Neg", "Relu", "Sigmoid"),
        *("QuantizeLinear", "DequantizeLinear", "Pad", "Resize", "Upsample", "BatchNormalization"),
        *("InstanceNormalization", "MaxPool", "AveragePool", "Dropout"),
    }
)
"""Operators that leave the channels where they are, as many as they are."""
_LAST_TO_SECOND = [0, 3, 1, 2]


def with_channels(tensor: TensorSpec, graph: onnx.GraphProto) -> TensorSpec:
    """``tensor``, an input of ``graph``, with its channels as a number where it has four
    dimensions, no number of channels stands in the file, and the first layers tell it."""
    if len(tensor.shape) != 4 or any(tensor.shape[axis] in (1, 3, 4) for axis in (1, 3)):
        return tensor
    found = _found(tensor.name, graph)
    if found is None or not isinstance(tensor.shape[found[0]], str):
        return tensor
    axis, channels = found
    shape = list(tensor.shape)
    shape[axis] = channels
    return replace(tensor, shape=tuple(shape))


def _found(name: str, graph: onnx.GraphProto) -> tuple[int, int] | None:
    """The place and the number of an input's channels; None where no layer tells them."""
    weights = {weight.name: list(weight.dims) for weight in graph.initializer}
    readers: defaultdict[str, list[Node]] = defaultdict(list)
    for node in graph.node:
        for read in node.input:
            readers[read].append(node)
    left, seen = [(name, 1)], {name}
    while left:
        tensor, axis = left.pop()
        for node in readers[tensor]:
            if node.op_type == "Conv" and node.input[0] == tensor and node.input[1] in weights:
                return axis, weights[node.input[1]][1] * _group(node)
            after = 3 if _moves_channels(node) else axis if node.op_type in _POINTWISE else None
            if after is not None and node.output[0] not in seen:
                seen.add(node.output[0])
                left.append((node.output[0], after))
    return None


def _group(node: Node) -> int:
    return next((a.i for a in node.attribute if a.name == "group"), 1)


def _moves_channels(node: Node) -> bool:
    return node.op_type == "Transpose" and any(
        list(a.ints) == _LAST_TO_SECOND for a in node.attribute if a.name == "perm"
    )
