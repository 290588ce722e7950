"""A network that is ready for a precision, and graphs of it in that precision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from exporter.graph.passes import copied, run_pass
from exporter.graph.regions import Graph, label
from exporter.precisions._base import Precision
from exporter.precisions._evidence import Evidence
from sizewise.core.errors import UsageError

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Network:
    """``prepared`` is what the passes of ``precision`` start from."""

    precision: Precision
    prepared: onnx.ModelProto

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The layers with learned weights, any of which can be excluded."""
        return tuple(label(node) for node in Graph(self.prepared).layers())

    @cached_property
    def heads(self) -> list[str]:
        """The output tensors of the last layers."""
        return [node.output[0] for node in Graph(self.prepared).heads()]

    def converted(self, evidence: Evidence) -> onnx.ModelProto:
        """The network in this precision. Raises ExportError as the passes do."""
        return run_pass(self.precision.make(evidence), copied(self.prepared))

    def in_8_bits(self, evidence: Evidence) -> onnx.ModelProto:
        """The network with its 8-bit layers alone changed, where the precision is a mixed one."""
        make = self.precision.by_layer or self.precision.make
        return run_pass(make(evidence), copied(self.prepared))

    def alone(self, layer: str, evidence: Evidence) -> onnx.ModelProto:
        """The network with this layer in this precision, and all others in float32. Raises
        NothingNarrowedError where the precision leaves the layer as it is."""
        others = frozenset(self.layers) - {layer}
        return self.in_8_bits(replace(evidence, excluded=others))

    def demand_layers(self, named: Iterable[str]) -> None:
        """Raises UsageError for a layer that is not there."""
        if unknown := sorted(set(named).difference(self.layers)):
            raise UsageError(
                f"There is no layer named {unknown[0]!r}",
                f"the layers are {', '.join(self.layers)}",
                "Choose from these.",
            )
