"""Tensors that are nowhere below zero, whatever the picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sizewise.core.onnxfiles.moving import moved_inputs

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

_POSITIVE = frozenset({"Relu", "Sigmoid", "HardSigmoid", "Softmax", "Exp", "Abs", "Softplus"})
_KEEPING = frozenset({"QuantizeLinear", "DequantizeLinear"})
_JOINING = frozenset({"Add", "Sum", "Mul"})
_POOLING = frozenset({"AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean"})


def positive_values(graph: GraphProto) -> set[str]:
    """The names of these tensors, as far as operators tell it: also those that only moved, sums,
    products and means of such."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    found: set[str] = set()
    for node in graph.node:
        parts = _parts(node)
        if (
            node.op_type in _POSITIVE
            or _clips_at_zero(node, constants)
            or (parts and found.issuperset(parts))
        ):
            found.update(node.output)
    return found


def kept_apart(graph: GraphProto, positive: Iterable[str]) -> set[str]:
    """Those of the tensors ``positive`` that meet none but such wherever values move, as they may
    in a Concat: also what a Split gives of one that does, and what it was split of."""
    apart, nodes = set(positive), list(graph.node)
    groups = [group for node in nodes if (group := {*_moved(node), *filter(None, node.output)})]
    changed = True
    while changed:
        changed = False
        for group in (*groups, *reversed(groups)):
            if not group <= apart and group & apart:
                apart -= group
                changed = True
    return apart


def _parts(node: NodeProto) -> list[str]:
    """The inputs that an output has the sign of, if all have one."""
    if node.op_type in _POOLING:
        return list(node.input[:1])
    return list(node.input) if node.op_type in _JOINING else _moved(node)


def _moved(node: NodeProto) -> list[str]:
    return list(node.input[:1]) if node.op_type in _KEEPING else moved_inputs(node)


def _clips_at_zero(node: NodeProto, constants: Mapping[str, TensorProto]) -> bool:
    """Whether it is a Clip with a constant least value of 0 or above."""
    least = constants.get(node.input[1]) if node.op_type == "Clip" and node.input[1:] else None
    if least is None:
        return False
    from onnx import numpy_helper

    return bool(numpy_helper.to_array(least).min() >= 0)
