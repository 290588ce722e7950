"""The graph that every precision starts from: functions inlined, constants hoisted, weights and
biases decoded, BatchNorm folded, opset raised.

Value ranges are observed on this graph, so that its tensors have them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.graph.constants import drop_unused, hoist_constants
from exporter.graph.decoding import decode_weights
from exporter.graph.folding import FoldBatchNorm
from exporter.graph.inlining import inlined
from exporter.graph.opsets import opset_of, raise_opset
from exporter.graph.padding import unname_zeros
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
        model = hoist_constants(inlined(model))
        model = raise_opset(decode_weights(model), self._opset)
        # The converter writes constants of its own.
        model = unname_zeros(run_pass(FoldBatchNorm(), hoist_constants(model)))
        drop_unused(model.graph)
        del model.graph.value_info[:]
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        if opset_of(model) < self._opset:
            raise ExportError(
                f"The model can't be converted to {self._precision}",
                f"it is at opset {opset_of(model)}, and {self._opset} is needed",
                "Export it again at a newer opset.",
            )
