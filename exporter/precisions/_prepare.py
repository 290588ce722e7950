"""The graph that every precision starts from: constants hoisted, weights decoded, BatchNorm folded,
opset raised.

Value ranges are observed on this graph, so that its tensors have them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.graph.constants import hoist_constants
from exporter.graph.decoding import decode_weights
from exporter.graph.folding import FoldBatchNorm
from exporter.graph.opsets import opset_of, raise_opset
from exporter.graph.passes import GraphPass, run_pass
from exporter.graph.types import demand_fp32
from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx


class Prepare(GraphPass):
    """Make a float32 graph at ``opset`` or above, as the pass ``precision`` needs it."""

    name = "prepare"

    def __init__(self, precision: str, opset: int) -> None:
        self._precision, self._opset = precision, opset

    def requires(self, model: onnx.ModelProto) -> None:
        demand_fp32(model, self._precision)

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        model = raise_opset(decode_weights(hoist_constants(model)), self._opset)
        # The converter writes constants of its own.
        model = run_pass(FoldBatchNorm(), hoist_constants(model))
        del model.graph.value_info[:]
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        if opset_of(model) < self._opset:
            raise ExportError(
                f"The model can't be converted to {self._precision}",
                f"it is at opset {opset_of(model)}, and {self._opset} is needed",
                "Export it again at a newer opset.",
            )
