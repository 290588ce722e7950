"""Remove the notes that torch writes into a graph for its own developers.

With every node it notes the source lines that made it, with absolute paths of this machine. They
are private, and up to half of a small file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from exporter.graph.passes import GraphPass, all_nodes
from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx


class StripTraces(GraphPass):
    """Remove all metadata and doc strings but the model's own."""

    name = "strip-traces"

    def requires(self, model: onnx.ModelProto) -> None:
        """No condition: any graph can be stripped."""

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
                "This is a bug in sizewise: report it with the network.",
            )


def _annotated(model: onnx.ModelProto) -> Iterator[Any]:
    graph = model.graph
    yield from (graph, *graph.input, *graph.output, *graph.value_info, *graph.initializer)
    yield from all_nodes(graph)
    for function in model.functions:
        yield from (function, *function.node, *function.value_info)
