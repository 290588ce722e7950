"""Where a graph is quantized: at what its convolutions read, found through what only moves values.

A convolution and the activation after it are one kernel of a compiler, so a tensor is quantized
after its activation. A pooling, a concatenation or a resize by the nearest neighbour gives values
that it was given: what is quantized before it stays so behind it, by the same scale, and all that
enter a concatenation have one. Both sides of a residual sum, and of a product by a gate, are
quantized, so that these run in 8 bits too. (NVIDIA, "Working with Quantized Types", on where to
place Q/DQ nodes; OpenVINO's low-precision transformations ask for the same.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from exporter.graph.regions import Graph
from exporter.precisions._sharing import Sharing
from sizewise.core.onnxfiles.moving import moved_inputs

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

_JOINING = frozenset({"Add", "Sum", "Mul"})
_ACTIVATIONS = frozenset(
    {
        *(
            "Sigmoid",
            "HardSigmoid",
            "Softplus",
            "Tanh",
            "Relu",
            "Clip",
            "LeakyRelu",
            "PRelu",
            "Elu",
        ),
        *("Selu", "Celu", "HardSwish", "Mish", "Gelu", "Swish", "ThresholdedRelu", "Softsign"),
    }
)
_ELEMENTWISE = _ACTIVATIONS | {
    *("Erf", "Exp", "Log", "Sqrt", "Pow", "Neg", "Abs", "Min", "Max", "Identity", "Cast"),
    *("Add", "Sub", "Mul", "Div"),
}
"""What activation functions are made of."""


class Placement:
    """The tensors of a graph that are quantized so that ``layers``, convolutions by their outputs,
    run in 8 bits.

    ``ranges`` are the magnitudes up to which tensors are quantized. Without them, the inputs of
    every concatenation are taken to be alike.
    """

    def __init__(
        self, graph: Graph, layers: Iterable[str], ranges: Mapping[str, float] | None = None
    ) -> None:
        self._graph, self._ranges = graph, ranges
        self._values, self._trunk = graph.image_values(), graph.trunk()
        self._sharing = Sharing(ranges)
        self._moved: set[str] = set()
        self.sources: dict[str, None] = {}
        """The tensors that are quantized, in the order in which they were found."""
        self.visited: dict[str, None] = {}
        """These and all that hold their values: their ranges decide on scales."""
        self._visit([graph.producer[name].input[0] for name in layers])

    def reach(self) -> dict[str, float]:
        """The magnitude up to which each of the tensors is quantized that is, or that holds values
        of some that are: the largest of its group."""
        ranges = self._ranges or {}
        of_group: dict[str, float] = {}
        for name in self.sources:
            root = self._sharing.root(name)
            of_group[root] = max(of_group.get(root, 0.0), ranges[name])
        return {name: of_group[self._sharing.root(name)] for name in self.visited}

    def least(self, values: Mapping[str, float]) -> dict[str, float]:
        """The smallest of ``values`` of each source's group: where that reaches, all of it does."""
        of_group: dict[str, float] = {}
        for name in self.sources:
            root = self._sharing.root(name)
            of_group[root] = min(of_group.get(root, 0.0), values.get(name, -math.inf))
        return {name: of_group[self._sharing.root(name)] for name in self.sources}

    def reads_rounded(self, node: Node) -> bool:
        """Whether a node reads the rounded form of what is quantized, as all nodes up to the heads
        do. What gives a tensor runs in 8 bits only where all read that form.
        """
        return node.output[0] in self._trunk or node.output[0] in self._moved

    def _visit(self, names: Iterable[str]) -> None:
        left = list(names)
        while left:
            name = left.pop()
            if name in self.visited:
                continue
            self.visited[name] = None
            node = self._graph.producer.get(name)
            moved = moved_inputs(node) if node else []
            if (
                node
                and moved
                and self._values.issuperset(moved)
                and self._sharing.join(name, moved)
            ):
                self._moved.add(node.output[0])
                left += moved
            else:
                self.sources[name] = None
                left += self._sides(name)

    def _sides(self, name: str) -> Iterable[str]:
        """The two sides of the residual sum, or of the product by a gate, that gives a tensor: also
        through an activation."""
        node = self._graph.producer.get(name)
        while node is not None and (base := self._base(node)):
            node = self._graph.producer.get(base)
        return node.input if node is not None and self._joins(node) else ()

    def _joins(self, node: Node) -> bool:
        joins = node.op_type in _JOINING and len(node.input) == 2
        return joins and self._values.issuperset(node.input)

    def _base(self, node: Node) -> str:
        """What a node is the activation of; empty where it is none.

        One of several operators, as SiLU and Mish are, ends in x · f(x), and is one kernel with the
        convolution before. A sum x + f(x) is a residual sum like any other.
        """
        if node.op_type in _ACTIVATIONS:
            return str(node.input[0])
        if node.op_type != "Mul" or not self._joins(node):
            return ""
        one, other = node.input
        if self._is_of(one, other):
            return str(other)
        return str(one) if self._is_of(other, one) else ""

    def _is_of(self, value: str, base: str) -> bool:
        """Whether ``value`` is an elementwise function of ``base`` and of constants."""
        left, seen = [value], {base}
        while left:
            name = left.pop()
            if name not in seen:
                seen.add(name)
                node = self._graph.producer.get(name)
                if node is None or node.op_type not in _ELEMENTWISE:
                    return False
                left += [one for one in node.input if one in self._values]
        return True
