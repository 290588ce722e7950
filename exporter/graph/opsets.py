"""A model at a newer opset, where a precision's operators ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx

_IR_VERSION = 10
"""The first that knows bfloat16 and float8 in full, and which every back end here reads."""


def opset_of(model: onnx.ModelProto) -> int:
    return next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)


def raise_opset(model: onnx.ModelProto, least: int) -> onnx.ModelProto:
    """``model`` at ``least`` or the newer opset that it has. Raises ExportError where ONNX's own
    converter can't do it."""
    import onnx

    if opset_of(model) < least:
        try:
            model = onnx.version_converter.convert_version(model, least)
        except (onnx.version_converter.ConvertError, RuntimeError, ValueError) as error:
            raise ExportError(
                f"The model can't be brought from opset {opset_of(model)} to {least}",
                str(error).strip().splitlines()[0],
                f"Export it again at opset {least} or above.",
            ) from error
    model.ir_version = max(model.ir_version, _IR_VERSION)
    return model
