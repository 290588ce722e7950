"""The part of a network that a precision changes: all up to its head convolutions.

What comes after them is arithmetic on coordinates and probabilities (the decode), which a narrow
type spoils at sizes that nobody measured. Nodes are named by their first output: their names may
be empty, their outputs may not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from exporter.graph.passes import all_nodes

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_FEW = 100
_SHAPES = frozenset({"Shape", "Size"})
"""Operators whose outputs depend on the shapes of their inputs alone."""
_POOLING = frozenset({"GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"})
_REDUCING = frozenset({"ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL2"})
_SPREADING = frozenset({"Resize", "Upsample", "Expand", "Tile", "Pad", "ConvTranspose"})
"""Operators that make a map of a single value."""


class Graph:
    """Producers and consumers of a model's tensors; the model is not changed."""

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.nodes = list(graph.node)
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.inputs = [i.name for i in graph.input if i.name not in self.constants]
        self.outputs = [output.name for output in graph.output]
        self.producer = {name: node for node in self.nodes for name in node.output if name}
        self._learned = {n.output[0] for n in self.nodes if self._is_learned(n)}

    def layers(self) -> list[Node]:
        """The nodes that hold learned weights, in order."""
        return [node for node in self.nodes if node.output[0] in self._learned]

    def heads(self) -> list[Node]:
        """The last layer on each path to an output."""
        inner = self.inner()
        return [node for node in self.layers() if node.output[0] not in inner]

    def inner(self) -> set[str]:
        """The layers with another layer after them."""
        return {name for name in self.above(self.layers()) if name in self._learned}

    def above(self, nodes: Iterable[Node]) -> set[str]:
        """The ancestors of ``nodes``: one of these only where it is an ancestor of another."""
        found: set[str] = set()
        left = [name for node in nodes for name in node.input]
        while left:
            node = self.producer.get(left.pop())
            if node is not None and node.output[0] not in found:
                found.add(node.output[0])
                left.extend(node.input)
        return found

    def trunk(self) -> set[str]:
        """The nodes from the first layers to the heads, both included."""
        heads = self.heads()
        upto = self.above(heads) | {node.output[0] for node in heads}
        return upto & self.after_layers() & self.seeing()

    def seeing(self) -> set[str]:
        """The nodes whose values depend on the image's contents, beyond its size."""
        tensors = set(self.inputs)
        found: set[str] = set()
        for node in self.nodes:
            if node.op_type not in _SHAPES and tensors.intersection(node.input):
                tensors.update(node.output)
                found.add(node.output[0])
        return found

    def image_values(self) -> set[str]:
        """The tensors that depend on the image's contents, and the inputs themselves."""
        seeing = self.seeing()
        made = (name for n in self.nodes if n.output[0] in seeing for name in n.output if name)
        return {*self.inputs, *made}

    def pooled(self) -> set[str]:
        """The tensors with one value for each channel of a whole map: its mean, say, and what is
        computed of such values alone."""
        image, found = self.image_values(), set[str]()
        for node in self.nodes:
            seen = image.intersection(node.input)
            of_pooled = seen and seen <= found and node.op_type not in _SPREADING
            if of_pooled or node.op_type in _POOLING or self._reduces_maps(node):
                found.update(node.output)
        return found

    def after_layers(self) -> set[str]:
        """The layers and all that depends on them."""
        tensors: set[str] = set()
        found: set[str] = set()
        for node in self.nodes:
            if node.output[0] in self._learned or tensors.intersection(node.input):
                tensors.update(node.output)
                found.add(node.output[0])
        return found

    def captured(self) -> set[str]:
        """Tensors that a branch or a loop reads from outside."""
        return {
            name
            for node in self.nodes
            for attribute in node.attribute
            for inner in (attribute.g, *attribute.graphs)
            for nested in all_nodes(inner)
            for name in nested.input
        }

    def _reduces_maps(self, node: Node) -> bool:
        """Whether it reduces [B, C, H, W] over H and W."""
        from onnx import numpy_helper

        if node.op_type not in _REDUCING:
            return False
        given = [list(one.ints) for one in node.attribute if one.name == "axes"]
        held = [self.constants[name] for name in node.input[1:2] if name in self.constants]
        axes = given or [numpy_helper.to_array(one).tolist() for one in held]
        return any({axis % 4 for axis in one} >= {2, 3} for one in axes)

    def _is_learned(self, node: Node) -> bool:
        """Whether its weights were learned: they are constants, and some is no multiple of ½.

        A convolution with 0, 1, 2, … is the expectation of a distribution (DFL), and a matrix of 0,
        ±½ and 1 turns centres into corners. Both are part of a decode.
        """
        if node.op_type not in WEIGHTED:
            return False
        weights = [self.constants[name] for name in node.input[:2] if name in self.constants]
        return not all(map(_is_round, weights))


def _is_round(tensor: onnx.TensorProto) -> bool:
    import numpy as np
    from onnx import numpy_helper

    halves = 2 * numpy_helper.to_array(tensor).ravel()
    # A few values are enough for all but the rarest weights, of which there may be millions.
    return not np.any(np.mod(halves[:_FEW], 1)) and not np.any(np.mod(halves, 1))


def label(node: Node) -> str:
    """The name of a layer as users write it: its own, or its output's where it has none."""
    return node.name or node.output[0]
