"""Give nodes of a float32 graph a 16-bit type, with casts between them and the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from exporter.graph.casts import drop_redundant_casts
from exporter.graph.constants import drop_unused
from exporter.graph.types import tensor_types

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

FLOAT = 1
"""``onnx.TensorProto.FLOAT``, which is not imported before it is used."""
_SUFFIX = {FLOAT: "fp32", 10: "fp16", 16: "bf16"}


def retype(model: onnx.ModelProto, data_type: int, narrow: Mapping[str, set[int]]) -> None:
    """Convert, in place, the nodes ``narrow`` (by first output) to ``data_type``, with the inputs
    that change."""
    _Writer(model, data_type, narrow).write()
    drop_redundant_casts(model)
    drop_unused(model.graph)


class _Writer:
    """Writes the converted graph: each tensor is cast once for each type in which it is read."""

    def __init__(
        self, model: onnx.ModelProto, data_type: int, narrow: Mapping[str, set[int]]
    ) -> None:
        self._graph, self._type, self._narrow = model.graph, data_type, narrow
        self._types = tensor_types(model)
        self._held = {tensor.name: tensor for tensor in model.graph.initializer}
        self._cast: dict[tuple[str, int], str] = {}
        self._written: list[Node] = []

    def write(self) -> None:
        for node in list(self._graph.node):
            for place, name in enumerate(node.input):
                if self._types.get(name) in (FLOAT, self._type):
                    inside = place in self._narrow.get(node.output[0], ())
                    node.input[place] = self._as(name, self._type if inside else FLOAT)
            self._written.append(node)
            if node.output[0] in self._narrow:
                self._retype(node)
        self._restore_outputs()
        del self._graph.node[:]
        self._graph.node.extend(self._written)

    def _retype(self, node: Node) -> None:
        for name in node.output:
            if name and self._types[name] == FLOAT:
                self._types[name] = self._type

    def _as(self, name: str, wanted: int) -> str:
        from onnx import helper

        if self._types[name] == wanted:
            return name
        if (name, wanted) not in self._cast:
            made = f"{name}.{_SUFFIX[wanted]}"
            self._cast[name, wanted] = made
            if name in self._held:
                self._convert(self._held[name], made)
            else:
                cast = helper.make_node("Cast", [name], [made], name=f"{made}.cast", to=wanted)
                self._written.append(cast)
        return self._cast[name, wanted]

    def _convert(self, tensor: onnx.TensorProto, name: str) -> None:
        from onnx import helper, numpy_helper

        dtype = helper.tensor_dtype_to_np_dtype(self._type)
        array = numpy_helper.to_array(tensor).astype(dtype)
        self._graph.initializer.append(numpy_helper.from_array(array, name))

    def _restore_outputs(self) -> None:
        """Give each output its name and float32 type again; the narrow tensor gets another name."""
        for output in self._graph.output:
            name = output.name
            if self._types[name] == self._type:
                wide = self._as(name, FLOAT)
                _rename(self._written, name, f"{name}.{_SUFFIX[self._type]}")
                _rename(self._written, wide, name)


def _rename(nodes: Iterable[Node], old: str, new: str) -> None:
    for node in nodes:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
