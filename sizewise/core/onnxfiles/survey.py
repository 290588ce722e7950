"""The extent of a graph: its nodes with all functions expanded, how deep they stand, and operators
of domains that ONNX does not define.

Functions may call functions twice each: thirty of them in a file of 5 KB are a billion nodes, which
the libraries would make.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.limits import CALLS, DEPTH, NODES
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


class Survey:
    """What a graph comes to. Raises InputError where it is beyond a limit, where a function calls
    itself, and where a tensor has a type that ONNX does not know."""

    def __init__(self, path: Path, proto: onnx.ModelProto) -> None:
        self._path = path
        self._functions = {_key(f.domain, f.name, f): f for f in proto.functions}
        self._extent: dict[_Key, tuple[int, int]] = {}
        self._open: set[_Key] = set()
        self._foreign: defaultdict[str, set[str]] = defaultdict(set)
        self._demand_types(proto.graph)
        nodes, _ = self._count(proto.graph.node, 0, 0)
        for key in self._functions:  # also those that nothing calls
            self._called(key, 0)
        NODES.demand(path, nodes, "its graph")

    @property
    def foreign(self) -> tuple[str, ...]:
        """``domain (operators)`` for each domain that neither ONNX nor a back end here defines."""
        each = sorted(self._foreign.items())
        return tuple(f"{domain} ({', '.join(sorted(names))})" for domain, names in each)

    def _count(self, nodes: Iterable[onnx.NodeProto], depth: int, calls: int) -> tuple[int, int]:
        """The number of nodes, and the levels of functions below."""
        total, below = 0, 0
        for node in nodes:
            _demand_texts(node.name, node.op_type, node.domain, *node.input, *node.output)
            counts = [self._counted(node, calls)]
            for graph in _subgraphs(node):
                DEPTH.demand(self._path, depth + 1, "its graph")
                self._demand_types(graph)
                counts.append(self._count(graph.node, depth + 1, calls))
            total += sum(count for count, _ in counts)
            below = max(below, *(levels for _, levels in counts), 0)
        return total, below

    def _counted(self, node: onnx.NodeProto, calls: int) -> tuple[int, int]:
        key = _key(node.domain, node.op_type, node)
        if key in self._functions:
            return self._called(key, calls)
        if node.domain not in (*_STANDARD, *_RUNTIMES):
            self._foreign[node.domain].add(node.op_type)
        return 1, 0

    def _called(self, key: _Key, calls: int) -> tuple[int, int]:
        if key in self._open:
            raise InputError(
                f"{self._path} isn't a valid ONNX file",
                f"its function {key[1]!r} calls itself",
                "Export it again, or check the download.",
            )
        if key not in self._extent:
            CALLS.demand(self._path, calls + 1, "its functions")
            self._open.add(key)
            nodes, below = self._count(self._functions[key].node, 0, calls + 1)
            self._open.discard(key)
            self._extent[key] = (nodes + 1, below + 1)
        nodes, below = self._extent[key]
        CALLS.demand(self._path, calls + below, "its functions")
        return nodes, below

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
