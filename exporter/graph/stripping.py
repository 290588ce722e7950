"""What torch writes into a graph for its own developers, taken out again.

It notes with every node the source lines that made it, with the absolute paths of this machine:
nobody's business, and up to half of a small file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from exporter.graph.passes import GraphPass, all_nodes
from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx


class StripTraces(GraphPass):
    """No metadata and no doc strings but the model's own."""

    name = "strip-traces"

    def requires(self, model: onnx.ModelProto) -> None:
        """Nothing: any graph can be stripped."""

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        for part in _annotated(model):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        if any(part.metadata_props or part.doc_string for part in _annotated(model)):
            raise ExportError(
                "The graph still holds torch's notes",
                "they contain paths of this machine",
                "This is a fault of sizewise: report it with the network.",
            )


def _annotated(model: onnx.ModelProto) -> Iterator[Any]:
    graph = model.graph
    yield from (graph, *graph.input, *graph.output, *graph.value_info, *graph.initializer)
    yield from all_nodes(graph)
    for function in model.functions:
        yield from (function, *function.node, *function.value_info)
