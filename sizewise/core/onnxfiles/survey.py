"""The extent of a graph: its nodes with all functions expanded, how deep they stand, how often
loops run them, and operators of domains that ONNX does not define.

Functions may call functions twice each: thirty of them in a file of 5 KB are a billion nodes, which
the libraries would make. A loop of ten thousand turns within another one is a call of hours.
"""

from __future__ import annotations

from collections import ChainMap, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.limits import CALLS, DEPTH, NODES, RUNS
from sizewise.core.onnxfiles.loops import known, turns
from sizewise.core.onnxfiles.tensors import type_name
from sizewise.core.specs.sizes import shortened

if TYPE_CHECKING:
    import onnx

_STANDARD = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training")
_RUNTIMES = (
    *("com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc", "org.pytorch.aten"),
    *("org.openvinotoolkit", "trt.plugins", "mmdeploy"),
)
"""Domains of operators that back ends here know in part: they say themselves which they lack."""
_Key = tuple[str, str, str]
_Scope = ChainMap[str, int]


class _Extent(NamedTuple):
    """Of some nodes: how many they are, how many run in one call, and the levels of functions below
    them."""

    nodes: int = 0
    runs: int = 0
    levels: int = 0

    def beside(self, other: _Extent) -> _Extent:
        nodes, runs = self.nodes + other.nodes, self.runs + other.runs
        return _Extent(nodes, runs, max(self.levels, other.levels))


class Survey:
    """What a graph comes to. Raises InputError where it is beyond a limit, where a function calls
    itself or a loop never ends, and where a tensor has a type that ONNX does not know."""

    def __init__(self, path: Path, proto: onnx.ModelProto) -> None:
        self._path = path
        self._functions = {_key(f.domain, f.name, f): f for f in proto.functions}
        self._extent: dict[_Key, _Extent] = {}
        self._open: set[_Key] = set()
        self._foreign: defaultdict[str, set[str]] = defaultdict(set)
        extent = self._graph(proto.graph, ChainMap(), 0, 0)
        for key in self._functions:  # also those that nothing calls
            self._called(key, 0)
        NODES.demand(path, extent.nodes, "its graph")
        RUNS.demand(path, extent.runs, "its loops")

    @property
    def foreign(self) -> tuple[str, ...]:
        """``domain (operators)`` for each domain that neither ONNX nor a back end here defines."""
        each = sorted(self._foreign.items())
        return tuple(f"{domain} ({', '.join(sorted(names))})" for domain, names in each)

    def _graph(self, graph: onnx.GraphProto, around: _Scope, depth: int, calls: int) -> _Extent:
        DEPTH.demand(self._path, depth, "its graph")
        self._demand_types(graph)
        within = around.new_child(known(graph.node, graph.initializer, around))
        return self._nodes(graph.node, within, depth, calls)

    def _nodes(
        self, nodes: Iterable[onnx.NodeProto], around: _Scope, depth: int, calls: int
    ) -> _Extent:
        total = _Extent()
        for node in nodes:
            _demand_texts(node.name, node.op_type, node.domain, *node.input, *node.output)
            total = total.beside(self._node(node, calls))
            for graph in _subgraphs(node):
                inner = self._graph(graph, around, depth + 1, calls)
                times = self._turns(node, graph, around)
                total = total.beside(inner._replace(runs=max(1, inner.runs) * times))
        return total

    def _turns(self, node: onnx.NodeProto, body: onnx.GraphProto, around: _Scope) -> int:
        times = turns(node, body, around)
        if times is None:
            raise InputError(
                f"{self._path} was not read",
                f"its loop {node.name or next(iter(node.output), '')!r} never ends: it has no "
                "number of turns, and its condition stays true",
                "Export it again, with a number of turns or a condition that is computed.",
            )
        return times

    def _node(self, node: onnx.NodeProto, calls: int) -> _Extent:
        key = _key(node.domain, node.op_type, node)
        if key in self._functions:
            return self._called(key, calls)
        if node.domain not in (*_STANDARD, *_RUNTIMES):
            self._foreign[node.domain].add(node.op_type)
        return _Extent(1, 1, 0)

    def _called(self, key: _Key, calls: int) -> _Extent:
        if key in self._open:
            raise InputError(
                f"{self._path} isn't a valid ONNX file",
                f"its function {key[1]!r} calls itself",
                "Export it again, or check the download.",
            )
        if key not in self._extent:
            CALLS.demand(self._path, calls + 1, "its functions")
            self._open.add(key)
            nodes = self._functions[key].node
            inner = self._nodes(nodes, ChainMap(known(nodes)), 0, calls + 1)
            self._open.discard(key)
            self._extent[key] = _Extent(inner.nodes + 1, inner.runs + 1, inner.levels + 1)
        extent = self._extent[key]
        CALLS.demand(self._path, calls + extent.levels, "its functions")
        return extent

    def _demand_types(self, graph: onnx.GraphProto) -> None:
        _demand_texts(*(tensor.name for tensor in graph.initializer))
        for value in (*graph.input, *graph.output, *graph.value_info):
            kind, name = value.type.tensor_type.elem_type, value.name
            _demand_texts(name, *(side.dim_param for side in value.type.tensor_type.shape.dim))
            if not type_name(kind):
                raise InputError(
                    f"{self._path} isn't a valid ONNX file",
                    f"{name!r} has the element type {kind}, which ONNX does not know",
                    "Export it again, or check the download.",
                )


def _demand_texts(*names: str) -> None:
    """Raises ValueError where a name is no text: protobuf gives it as bytes, or raises itself."""
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"the name {shortened(name)} is no text")


def _key(domain: str, name: str, of: onnx.NodeProto | onnx.FunctionProto) -> _Key:
    return domain, name, of.overload


def _subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
