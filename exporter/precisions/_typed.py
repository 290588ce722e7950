"""Conversion to a 16-bit floating-point type, with float32 inputs, outputs and islands.

ONNX's own schema says which inputs of an operator may change their type: those that share a type
with its result (a Resize's scales do not).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from exporter.graph.casts import redundant_casts
from exporter.graph.opsets import opset_of
from exporter.graph.passes import GraphPass, NothingNarrowedError
from exporter.graph.regions import WEIGHTED, Graph, label
from exporter.graph.types import demand_fp32, tensor_types
from exporter.precisions._evidence import Evidence
from exporter.precisions._retyping import FLOAT, retype
from sizewise.core.errors import ExportError

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

_ENDS = {10: 65504.0, 16: 3.3895e38}
"""The largest value of float16 and bfloat16, by ``onnx.TensorProto``'s numbers."""
_SUMS = frozenset(
    {
        *("Softmax", "LogSoftmax", "Exp", "Log", "Pow", "CumSum", "LayerNormalization"),
        *("InstanceNormalization", "GroupNormalization", "LpNormalization", "Softplus"),
        *("ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSumExp"),
        *("ReduceMean", "GlobalAveragePool", "GlobalLpPool"),
    }
)
"""Exponentials, and sums over many elements, which lose accuracy in a narrow type."""
_FEW = 16
"""Elements of a constant of which none may round to 0; in a larger one, a few may."""
_LARGEST_SHARE = 0.25
"""The share of the type's largest value that an observed activation may reach. Other images may
give larger values, and a sum is added up before it is rounded."""


def limit_of(data_type: int) -> float:
    """The largest magnitude that an activation may reach in the narrow ``data_type``."""
    return _LARGEST_SHARE * _ENDS[data_type]


class Typed(GraphPass):
    """Convert the convolutions and what lies between them to ``data_type``.

    These stay in float32: what comes before the first layer and after the heads, what depends on
    the size alone, coordinates, exponentials and sums, values that ``evidence`` shows to come near
    the type's largest value, and the layers that it excludes.
    """

    def __init__(self, name: str, data_type: int, evidence: Evidence) -> None:
        self.name = name  # type: ignore[misc]
        self.data_type, self._evidence = data_type, evidence

    def requires(self, model: onnx.ModelProto) -> None:
        demand_fp32(model, self.name)

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        retype(model, self.data_type, self.narrow(model))
        return model

    def ensures(self, model: onnx.ModelProto) -> None:
        """Raises ExportError unless a layer has the type, both ends are float32 and every cast is
        needed."""
        types = tensor_types(model)
        layers = [n for n in model.graph.node if n.op_type in WEIGHTED]
        ends = (*model.graph.input, *model.graph.output)
        kind: type[ExportError] = ExportError
        if not any(types[node.output[0]] == self.data_type for node in layers):
            kind = NothingNarrowedError
            why = f"all of its {len(layers)} layers must stay in float32"
            if over := self._overflowing():
                why += f": values reach {over:.3g}, the largest of {self.name} is {self._end:.3g}"
        elif any(end.type.tensor_type.elem_type == self.data_type for end in ends):
            why = "its inputs and outputs are no longer float32"
        elif casts := redundant_casts(model):
            why = f"it holds redundant casts, the first to {next(iter(casts))}"
        else:
            return
        todo = "Use it in fp32." if self.name == "bf16" else "Use it in fp32, or choose bf16."
        raise kind(f"The model can't be converted to {self.name}", why, todo)

    @property
    def _end(self) -> float:
        return _ENDS[self.data_type]

    def _overflowing(self) -> float:
        seen = (one for one in self._evidence.absmax.values() if math.isfinite(one))
        largest = max(seen, default=0.0)
        return largest if largest > limit_of(self.data_type) else 0.0

    def narrow(self, model: onnx.ModelProto) -> dict[str, set[int]]:
        """The nodes to convert (by first output), with the inputs that change."""
        graph = Graph(model)
        region = graph.trunk() - _coordinates(graph)
        types, schemas = tensor_types(model), _Schemas(self.data_type, opset_of(model))
        captured = graph.captured()
        found = {}
        for node in graph.nodes:
            if node.output[0] in region and not captured.intersection(node.output):
                inputs = schemas.castable(node, types)
                if inputs and self._allows(node, graph):
                    found[node.output[0]] = inputs
        return found

    def _allows(self, node: Node, graph: Graph) -> bool:
        if node.op_type in _SUMS or label(node) in self._evidence.excluded:
            return False
        limit = limit_of(self.data_type)
        seen = self._evidence.absmax
        values = (seen.get(name, 0.0) for name in (*node.input, *node.output))
        held = {name: graph.constants[name] for name in node.input if name in graph.constants}
        biases = node.input[2:] if node.op_type in WEIGHTED else ()
        fits = all(
            _absmax(one) <= self._end and (name in biases or not self._vanishes(one))
            for name, one in held.items()
        )
        return fits and all(v <= limit for v in values)

    def _vanishes(self, tensor: onnx.TensorProto) -> bool:
        """Whether a small constant, such as one that keeps a divisor from 0, would become 0."""
        from onnx import helper, numpy_helper

        array = numpy_helper.to_array(tensor)
        if array.size > _FEW or array.dtype != np.float32:
            return False
        narrow = array.astype(helper.tensor_dtype_to_np_dtype(self.data_type)).astype(np.float32)
        return bool(np.any((array != 0) & (narrow == 0)))


def _absmax(tensor: onnx.TensorProto) -> float:
    from onnx import numpy_helper

    array = numpy_helper.to_array(tensor)
    return float(np.abs(array).max()) if array.size and array.dtype == np.float32 else 0.0


def _coordinates(graph: Graph) -> set[str]:
    """Nodes between the layers and the coordinates of a GridSample, which need float32: a pixel is
    a thousandth of a side."""
    found: set[str] = set()
    left = [node.input[1] for node in graph.nodes if node.op_type == "GridSample"]
    while left:
        node = graph.producer.get(left.pop())
        if node is not None and node.op_type not in WEIGHTED and node.output[0] not in found:
            found.add(node.output[0])
            left.extend(node.input)
    return found


class _Schemas:
    """The types that ONNX's operators take at one opset."""

    def __init__(self, data_type: int, opset: int) -> None:
        self._opset = opset
        self._name = {10: "tensor(float16)", 16: "tensor(bfloat16)"}[data_type]

    def castable(self, node: Node, types: dict[str, int]) -> set[int]:
        """The float32 inputs that share a type with the first output; none where the operator does
        not take the narrow type."""
        import onnx

        known = node.domain in ("", "ai.onnx") and not _has_branches(node)
        if not known or types.get(node.output[0]) != FLOAT:
            return set()
        schema = onnx.defs.get_schema(node.op_type, self._opset)
        result = schema.outputs[0].type_str
        allowed = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
        if self._name not in allowed.get(result, ()):
            return set()
        formal = schema.inputs
        return {
            place
            for place, name in enumerate(node.input)
            if name
            and types[name] == FLOAT
            and formal[min(place, len(formal) - 1)].type_str == result
        }


def _has_branches(node: Node) -> bool:
    """Whether the node holds a branch or a loop, whose inputs have the types written inside."""
    return any(a.HasField("g") or len(a.graphs) for a in node.attribute)
