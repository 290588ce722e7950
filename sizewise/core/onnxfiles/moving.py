"""Operators that move values and compute none: what is quantized before them stays so behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

_MOVING = frozenset(
    {
        *("Split", "Slice", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"),
        *("DepthToSpace", "SpaceToDepth"),
    }
)


def moved_inputs(node: onnx.NodeProto) -> list[str]:
    """The inputs of a node that its outputs hold nothing but values of; none where it computes.

    The largest of several values is one of them, and so is the nearest one.
    """
    if node.op_type == "Concat":
        return list(node.input)
    return [node.input[0]] if _moves_its_first(node) else []


def _moves_its_first(node: onnx.NodeProto) -> bool:
    if node.op_type == "MaxPool":  # its second output holds places
        return not any(node.output[1:])
    if node.op_type in ("Resize", "Upsample"):
        return next((a.s for a in node.attribute if a.name == "mode"), b"nearest") == b"nearest"
    return node.op_type in _MOVING
