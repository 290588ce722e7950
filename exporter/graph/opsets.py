"""Conversion to a newer opset, where the operators of a precision need one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx

_IR_VERSION = 10
"""The first with full bfloat16 and float8, which every back end here reads."""


def opset_of(model: onnx.ModelProto) -> int:
    """The opset of ONNX's own operators; 0 where the model names none."""
    return next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)


def raise_opset(model: onnx.ModelProto, least: int) -> onnx.ModelProto:
    """``model`` at opset ``least``, or at its own where that is newer.

    Raises ExportError where ONNX's own converter fails.
    """
    import onnx

    if opset_of(model) < least:
        try:
            model = onnx.version_converter.convert_version(model, least)
        except (onnx.version_converter.ConvertError, RuntimeError, ValueError) as error:
            raise ExportError(
                f"The model can't be converted from opset {opset_of(model)} to {least}",
                str(error).strip().splitlines()[0],
                f"Export it again at opset {least} or above.",
            ) from error
    model.ir_version = max(model.ir_version, _IR_VERSION)
    return model
