"""Run a graph and read the values of tensors inside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from exporter.calibration.batches import Array, Inputs
from exporter.failures import explained, first_line
from sizewise.core.errors import ExportError
from sizewise.core.machine.environment import load_onnxruntime
from sizewise.core.options.declared import spelled
from sizewise.core.specs import Size

if TYPE_CHECKING:
    import onnx


class InnerSession:
    """An ONNX Runtime session that gives tensors inside a graph.

    It runs a copy of the graph with ``nodes`` and ``outputs`` added, on the CPU provider without
    optimisations. Raises ExportError.
    """

    def __init__(
        self, model: onnx.ModelProto, outputs: Sequence[str], nodes: Sequence[onnx.NodeProto] = ()
    ) -> None:
        ort = load_onnxruntime()
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4  # its failures come as exceptions, which we explain
        with explained("ONNX Runtime refuses the graph to be calibrated"):
            self._session = ort.InferenceSession(
                _extended(model, outputs, nodes), options, providers=["CPUExecutionProvider"]
            )
        self._input = self._session.get_inputs()[0].name
        self._outputs = list(outputs)

    def run(self, size: Size, batch: Inputs) -> list[Array]:
        """The values of the outputs for ``batch``, whose images are of ``size``."""
        given = dict(batch) if isinstance(batch, Mapping) else {self._input: batch}
        try:
            found: list[Array] = self._session.run(self._outputs, given)
        except Exception as error:
            raise ExportError(
                f"The model can't be run at {size}",
                f"ONNX Runtime says: {first_line(error)}",
                f"Choose sizes that the model takes with {spelled('calibration_sizes')} and "
                f"{spelled('check_sizes')}.",
            ) from error
        return found


def _extended(
    model: onnx.ModelProto, outputs: Sequence[str], nodes: Sequence[onnx.NodeProto]
) -> bytes:
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.node.extend(nodes)
    known = {output.name for output in copy.graph.output}
    for name in outputs:
        if name not in known:
            copy.graph.output.add().name = name  # its type is found by ONNX Runtime
    return copy.SerializeToString()


def demand_tensors(model: onnx.ModelProto, names: Sequence[str]) -> None:
    """Raises KeyError where the graph has no tensor of one of ``names`` (outside branches)."""
    graph = model.graph
    inputs = {value.name for value in graph.input} | {value.name for value in graph.initializer}
    known = inputs.union(*(node.output for node in graph.node))
    if unknown := [name for name in names if name not in known]:
        raise KeyError(f"the graph has no tensor {unknown[0]!r}")
