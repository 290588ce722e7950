"""The operators of an ONNX graph that draw random numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

_DRAWING = frozenset(
    {
        *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
        *("Multinomial", "Bernoulli"),
    }
)
_MODE = 2
"""The place of Dropout's input ``training_mode``."""


def drawn_by(model: onnx.ModelProto) -> str:
    """What draws random numbers in ``model``, for a sentence: its first operator that does, or that
    may; empty where none is known to."""
    graphs = (model.graph.node, *(function.node for function in model.functions))
    found = next((node for nodes in graphs for node in _all(nodes) if _draws(node)), None)
    if found is None:
        return ""
    name = found.name or next(iter(found.output), "")
    return f"{found.op_type} draws its numbers anew ({name})"


def _draws(node: onnx.NodeProto) -> bool:
    if node.op_type == "Dropout":
        return len(node.input) > _MODE and bool(node.input[_MODE])
    return node.op_type in _DRAWING


def _all(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _all(inner.node)
