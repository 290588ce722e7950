"""Float32: the graph as it was exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.graph.passes import GraphPass
from exporter.graph.types import demand_fp32
from exporter.precisions._base import Precision

if TYPE_CHECKING:
    import onnx


class Fp32(GraphPass):
    """Leave the graph as it is; it must be in float32 already."""

    name = "fp32"

    def requires(self, model: onnx.ModelProto) -> None:
        demand_fp32(model, self.name)

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        self.requires(model)


PRECISIONS = (Precision(name="fp32", make=lambda _: Fp32(), bound=1e-4),)
