"""Float32 throughout: the graph as it was exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.passes import GraphPass
from exporter.precisions._graph import float_types, is_quantized
from sizewise.errors import ExportError

if TYPE_CHECKING:
    import onnx


class Fp32(GraphPass):
    """The graph itself; it has to be in float32 already."""

    name = "fp32"

    def requires(self, model: onnx.ModelProto) -> None:
        others = float_types(model) - {"float32"}
        if others or is_quantized(model):
            raise ExportError(
                "The model can't be made float32",
                f"its graph is {', '.join(sorted(others)) or 'quantized'} already",
                "Start from the file that was exported first.",
            )

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        self.requires(model)


PRECISIONS: tuple[GraphPass, ...] = (Fp32(),)
