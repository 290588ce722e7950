"""What a graph asks to be computed in: the precision of its convolutions and matrix products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from engines.graphs import load_without_weights
from engines.precisions import precision_of
from sizewise.specs import ExportedModel, computes

if TYPE_CHECKING:
    import onnx

_FACTORS = 2
"""Of a product: the first two inputs; what follows are a bias, scales and zero points."""


def asked_precisions(model: ExportedModel) -> Mapping[str, int]:
    """How many computing nodes the file has in each precision: int8 or fp8 where both factors come
    from a DequantizeLinear of that type, else by the type of the factors."""
    return _asked(model.path, model.sha256)


@lru_cache(maxsize=16)
def _asked(path: Path, sha256: str) -> Mapping[str, int]:
    del sha256  # the file may be written again under its name
    graph = _Types(load_without_weights(path))
    found = (graph.precision(node) for node in graph.nodes() if computes(node.op_type))
    return Counter(precision for precision in found if precision)


class _Types:
    """The types of a graph's tensors, by name, and the dequantisers that make some of them."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        import onnx

        self._graph = onnx.shape_inference.infer_shapes(proto).graph
        self._types = dict(_declared(self._graph))
        self._dequantisers = {
            node.output[0]: node for node in self.nodes() if node.op_type == "DequantizeLinear"
        }

    def nodes(self) -> Iterable[onnx.NodeProto]:
        return self._graph.node

    def precision(self, node: onnx.NodeProto) -> str:
        factors = node.input[:_FACTORS]
        stored = {self._stored(name) for name in factors}
        return stored.pop() if len(stored) == 1 and "" not in stored else self._typed(factors)

    def _stored(self, name: str) -> str:
        """What a dequantised tensor is kept in; empty where it is none."""
        made_by = self._dequantisers.get(name)
        return self._typed(made_by.input[:1]) if made_by else ""

    def _typed(self, names: Iterable[str]) -> str:
        import onnx

        known = (self._types[name] for name in names if name in self._types)
        return precision_of(onnx.TensorProto.DataType.Name(kind).lower() for kind in known)


def _declared(graph: onnx.GraphProto) -> Iterator[tuple[str, int]]:
    for value in (*graph.input, *graph.value_info, *graph.output):
        yield value.name, value.type.tensor_type.elem_type
    for tensor in graph.initializer:
        yield tensor.name, tensor.data_type
