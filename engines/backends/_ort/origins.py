"""The nodes of an ONNX file that a node of ONNX Runtime's optimised graph computes.

ONNX Runtime writes down no such list. What it leaves are names: a fused node has that of the node
it replaces, or of the tensor that it gives, with endings that make it unique.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import onnx

from engines.graph.owners import label
from sizewise.core.onnxfiles.shapes import load_without_weights
from sizewise.core.specs import computes

_UNIQUE = re.compile(r"_token_\d+$")
_BLOCKED = "_nchwc"
"""Ends the name of a node in the layout of the machine's own; before it stands its output."""
_FUSED = "fused "


def origins(engine: Path, source: Path) -> Mapping[str, tuple[str, ...]]:
    """The nodes of ``source`` that each node of ``engine`` computes, by names; nodes that can't be
    told are left out."""
    nodes = [n for n in onnx.load(engine, load_external_data=False).graph.node if n.name]
    names = [node.name for node in nodes]
    graph = _Source(source, {_gives(node) for node in nodes})
    several = ((n.name, graph.nodes_of(n)) for n in nodes if names.count(n.name) == 1)
    return {name: found for name, found in several if found}


class _Source:
    """The file. ``kept`` are the tensors of it that the engine still has."""

    def __init__(self, path: Path, kept: Collection[str]) -> None:
        graph = load_without_weights(path).graph
        self._named = {label(node): node for node in graph.node}
        self._makers = {name: node for node in graph.node for name in node.output if name}
        self._kept = kept

    def nodes_of(self, node: onnx.NodeProto) -> tuple[str, ...]:
        """By its name, where a node of that name computes what it computes; else, of a layer, all
        nodes between its output and the tensors that the engine still has."""
        name = _plain(node.name).removeprefix(_FUSED)
        same = self._named.get(name)
        if same is not None and computes(same.op_type) == computes(node.op_type):
            return (name,)
        return tuple(self._between(_gives(node))) if computes(node.op_type) else ()

    def _between(self, output: str) -> Iterator[str]:
        left, done = [output], {output}
        while left:
            node = self._makers.get(left.pop())
            if node is None:
                continue
            yield label(node)
            more = {one for one in node.input if one not in self._kept and one not in done}
            done |= more
            left += more


def _gives(node: onnx.NodeProto) -> str:
    """The tensor that it gives, as the file calls it."""
    name = _plain(node.name)
    return name.removesuffix(_BLOCKED) if name.endswith(_BLOCKED) else _plain(node.output[0])


def _plain(name: str) -> str:
    return _UNIQUE.sub("", name)
