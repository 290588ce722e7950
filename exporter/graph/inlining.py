"""Functions of a model, which precisions and ONNX's opset converter don't look into."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` with the nodes of its functions in place of their calls."""
    if not model.functions:
        return model
    from onnx import inliner

    return inliner.inline_local_functions(model)
