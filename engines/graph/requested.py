"""The precisions that a graph requests for its convolutions and matrix products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from engines.graph.owners import label
from engines.graph.precision_names import precision_of
from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.moving import moved_inputs
from sizewise.core.onnxfiles.shapes import load_without_weights
from sizewise.core.specs import ExportedModel, computes, is_product

if TYPE_CHECKING:
    import onnx

_FACTORS = 2
"""Of a product: the first two inputs; what follows are a bias, scales and zero points."""


Requested = Mapping[bool, Mapping[str, int]]
"""How many convolutions (False) and products of matrices (True) there are, by precision."""


def requested_precisions(model: ExportedModel) -> Requested:
    """The number of layers by precision: int8 or fp8 where both factors come from a
    DequantizeLinear of that type, else by the type of the factors.

    Layers of constants alone are not counted: a compiler computes them once.
    """
    return _count_requested(model.path, model.sha256, model.inputs[0].name)


def requested_by_layer(model: ExportedModel) -> Mapping[str, str]:
    """The precision of each layer that is counted, by its name."""
    graph = _Types(load_without_weights(model.path))
    layers = (n for n in graph.seeing(model.inputs[0].name) if computes(n.op_type))
    found = {label(node): graph.precision(node) for node in layers}
    return {name: precision for name, precision in found.items() if precision}


@lru_cache(maxsize=16)
def _count_requested(path: Path, sha256: str, image: str) -> Requested:
    del sha256  # the file may be written again under its name
    graph = _Types(load_without_weights(path))
    found: dict[bool, Counter[str]] = {}
    for node in graph.seeing(image):
        if computes(node.op_type) and (precision := graph.precision(node)):
            found.setdefault(is_product(node.op_type), Counter())[precision] += 1
    return found


class _Types:
    """The types of a graph's tensors, by name, and the dequantisers that make some of them."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self._graph = _inferred(proto)
        self._types = dict(_declared(self._graph))
        self._dequantisers = {
            name: node
            for node in self.nodes()
            if node.op_type == "DequantizeLinear"
            for name in node.output[:1]
        }
        self._makers = {name: node for node in self.nodes() for name in node.output}

    def seeing(self, image: str) -> Iterator[onnx.NodeProto]:
        """The nodes that depend on that input."""
        seen = {image}
        for node in self._graph.node:
            if seen.intersection(node.input):
                seen.update(node.output)
                yield node

    def nodes(self) -> Iterable[onnx.NodeProto]:
        return self._graph.node

    def precision(self, node: onnx.NodeProto) -> str:
        factors = node.input[:_FACTORS]
        stored = {self._stored(name) for name in factors}
        return stored.pop() if len(stored) == 1 and "" not in stored else self._typed(factors)

    def _stored(self, name: str) -> str:
        """The type that a tensor of dequantised values is stored in; empty where it has others."""
        if made_by := self._dequantisers.get(name):
            return self._typed(made_by.input[:1])
        moved = moved_inputs(self._makers[name]) if name in self._makers else []
        found = {self._stored(one) for one in moved}
        return found.pop() if len(found) == 1 else ""

    def _typed(self, names: Iterable[str]) -> str:
        import onnx

        known = (self._types[name] for name in names if name in self._types)
        return precision_of(onnx.TensorProto.DataType.Name(kind).lower() for kind in known)


def _inferred(proto: onnx.ModelProto) -> onnx.GraphProto:
    import onnx

    try:
        return onnx.shape_inference.infer_shapes(proto).graph
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
        raise InputError(
            "The types of a graph are not known",
            next(iter(str(error).strip().splitlines()), type(error).__name__),
            "Export the model again, or check the download.",
        ) from error


def _declared(graph: onnx.GraphProto) -> Iterator[tuple[str, int]]:
    for value in (*graph.input, *graph.value_info, *graph.output):
        yield value.name, value.type.tensor_type.elem_type
    for tensor in graph.initializer:
        yield tensor.name, tensor.data_type
