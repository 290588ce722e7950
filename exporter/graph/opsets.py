"""Conversion to a newer opset, where the operators of a precision need one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from exporter.graph.passes import all_nodes
from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx

_WITH_MODES = 11
"""The first opset whose Resize says how it looks pixels up."""
_SCALES = 2
"""Which input of a Resize they are."""
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

    before = opset_of(model)
    if before < least:
        try:
            model = onnx.version_converter.convert_version(model, least)
        except (onnx.version_converter.ConvertError, RuntimeError, ValueError) as error:
            raise ExportError(
                f"The model can't be converted from opset {opset_of(model)} to {least}",
                str(error).strip().splitlines()[0],
                f"Export it again at opset {least} or above.",
            ) from error
    if before < _WITH_MODES <= opset_of(model):
        _keep_resizes(model)
    model.ir_version = max(model.ir_version, _IR_VERSION)
    return model


def _keep_resizes(model: onnx.ModelProto) -> None:
    """Write down how pixels are looked up, in place. Before opset 11, it was at x / scale and down
    to the next pixel, or up where the image becomes smaller, as ONNX Runtime reads it; from then on
    that has to be said, and ONNX's converter does not (onnx/onnx#8480)."""
    from onnx import helper

    held = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in all_nodes(model.graph):
        known = {attribute.name for attribute in node.attribute}
        if node.op_type == "Resize" and "coordinate_transformation_mode" not in known:
            nearest = "ceil" if _shrinks(node, held) else "floor"
            modes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": nearest}
            node.attribute.extend(helper.make_attribute(*mode) for mode in modes.items())


def _shrinks(node: onnx.NodeProto, held: Mapping[str, onnx.TensorProto]) -> bool:
    """Whether its scales are constants, none of which enlarges."""
    from onnx import numpy_helper

    scales = held.get(node.input[_SCALES]) if node.input[_SCALES:] else None
    return scales is not None and bool(numpy_helper.to_array(scales).max(initial=0) <= 1)
