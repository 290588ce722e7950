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

_CROPPING = b"tf_crop_and_resize"
"""A Resize that writes a value of its own outside of the image."""
_COPYING = (b"reflect", b"edge", b"wrap")
"""The modes of a Pad that writes no value of its own. In our files, one that writes zeros names no
value (``exporter.graph.padding``)."""


def moved_inputs(node: onnx.NodeProto) -> list[str]:
    """The inputs of a node that its outputs hold nothing but values of; none where it computes.

    The largest of several values is one of them, and so is the nearest one. Zeros at the border are
    zeros by any scale.
    """
    if node.op_type == "Concat":
        return list(node.input)
    return [node.input[0]] if _moves_its_first(node) else []


def _moves_its_first(node: onnx.NodeProto) -> bool:
    if node.op_type == "MaxPool":  # its second output holds places
        return not any(node.output[1:])
    if node.op_type in ("Resize", "Upsample"):
        places = _text(node, "coordinate_transformation_mode")
        return _text(node, "mode") in (b"", b"nearest") and places != _CROPPING
    if node.op_type == "Pad":
        return _text(node, "mode") in _COPYING or not (_fills(node) or any(node.input[2:3]))
    return node.op_type in _MOVING


def _text(node: onnx.NodeProto, name: str) -> bytes:
    """A text among the attributes; empty where it is left out."""
    return next((one.s for one in node.attribute if one.name == name), b"")


def _fills(node: onnx.NodeProto) -> bool:
    """Whether an attribute, as up to opset 10, gives a Pad another value than 0."""
    return any(one.name == "value" and one.f for one in node.attribute)
