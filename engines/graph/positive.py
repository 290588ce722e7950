"""Tensors that are nowhere below zero, whatever the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sizewise.core.onnxfiles.moving import moved_inputs

if TYPE_CHECKING:
    from onnx import GraphProto

_POSITIVE = frozenset({"Relu", "Sigmoid", "HardSigmoid", "Softmax", "Exp", "Abs", "Softplus"})
_KEEPING = frozenset({"QuantizeLinear", "DequantizeLinear"})


def positive_values(graph: GraphProto) -> set[str]:
    """The names of these tensors, as far as operators tell it: also those that only moved."""
    found: set[str] = set()
    for node in graph.node:
        moved = node.input[:1] if node.op_type in _KEEPING else moved_inputs(node)
        if node.op_type in _POSITIVE or (moved and found.issuperset(moved)):
            found.update(node.output)
    return found
