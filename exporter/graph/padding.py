"""Pads by zeros that name no value: it is their default, and what reads a graph looks none up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

_VALUE = 2


def unname_zeros(model: onnx.ModelProto) -> onnx.ModelProto:
    """Take the constant 0 from the inputs of each ``Pad``, in place."""
    from onnx import numpy_helper

    held = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        named = node.input[_VALUE] if node.op_type == "Pad" and node.input[_VALUE:] else ""
        if named in held and not numpy_helper.to_array(held[named]).any():
            axes = list(node.input[_VALUE + 1 :])
            node.input[:] = [*node.input[:_VALUE], *(["", *axes] if any(axes) else [])]
    return model
