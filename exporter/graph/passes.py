"""The interface of an ONNX → ONNX pass: what it requires, what it does, what it ensures.

After onnx ir-py: one pass per file, ``requires → apply → ensures``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx


class NothingNarrowedError(ExportError):
    """A precision left every layer in float32."""


class GraphPass(ABC):
    """One change of a graph. ``apply`` is called only where ``requires`` has not raised."""

    name: ClassVar[str]

    @abstractmethod
    def requires(self, model: onnx.ModelProto) -> None:
        """Raises ExportError where the pass does not fit the graph."""

    @abstractmethod
    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """The changed model; ``model`` itself may have been changed in place."""

    @abstractmethod
    def ensures(self, model: onnx.ModelProto) -> None:
        """Raises ExportError where the result is other than the pass promises."""


def run_pass(graph_pass: GraphPass, model: onnx.ModelProto) -> onnx.ModelProto:
    """Run one pass and check its conditions before and after. Raises ExportError."""
    graph_pass.requires(model)
    changed = graph_pass.apply(model)
    graph_pass.ensures(changed)
    return changed


def copied(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy, for a pass that changes its model in place."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """All nodes of a graph, with those of the branches and loops inside it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from all_nodes(inner)
