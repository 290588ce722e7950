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
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from exporter.graph.regions import Graph
from sizewise.core.onnxfiles.moving import moved_inputs

if TYPE_CHECKING:
    import onnx

    Node = onnx.NodeProto

_JOINING = frozenset({"Add", "Sum", "Mul"})
_ELEMENTWISE = frozenset(
    {
        *("Sigmoid", "HardSigmoid", "Softplus", "Tanh", "Erf", "Exp", "Log", "Relu", "Clip"),
        *("Add", "Mul", "Div", "Identity", "Cast"),
    }
)
"""What activation functions are made of; of those with two inputs, the first is followed."""
_UNLIKE = 8.0
"""Inputs of a concatenation whose ranges differ by more share no scale: the smaller one would lose
three of its eight bits."""


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
        self._group: dict[str, str] = {}
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
            root = self._root(name)
            of_group[root] = max(of_group.get(root, 0.0), ranges[name])
        return {name: of_group[self._root(name)] for name in self.visited}

    def least(self, values: Mapping[str, float]) -> dict[str, float]:
        """The smallest of ``values`` of each source's group: where that reaches, all of it does."""
        of_group: dict[str, float] = {}
        for name in self.sources:
            root = self._root(name)
            of_group[root] = min(of_group.get(root, 0.0), values.get(name, -math.inf))
        return {name: of_group[self._root(name)] for name in self.sources}

    def reads_rounded(self, node: Node) -> bool:
        """Whether a node reads what is quantized as it was rounded: all up to the heads does.

        Layers that stay in float32, too: what gives a tensor runs in 8 bits only where nothing
        reads it unrounded.
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
            given = self._given(node) if node else []
            for one in given:
                self._join(name, one)
            if node and given:
                self._moved.add(node.output[0])
            else:
                self.sources[name] = None
                given = list(self._sides(node)) if node else []
            left += given

    def _given(self, node: Node) -> list[str]:
        """The inputs of a node whose values its outputs hold; none where it computes others."""
        names = moved_inputs(node)
        if not self._values.issuperset(names) or (names[1:] and not self._are_alike(names)):
            return []
        return names

    def _are_alike(self, names: Iterable[str]) -> bool:
        reach = [self._ranges.get(name, 0.0) for name in names] if self._ranges else []
        live = [one for one in reach if one]
        return not live or max(live) <= _UNLIKE * min(live)

    def _sides(self, node: Node) -> Iterator[str]:
        """The two sides of a residual sum or of a product by a gate."""
        joins = node.op_type in _JOINING and len(node.input) == 2
        if joins and self._values.issuperset(node.input) and not self._is_activation(node):
            yield from node.input

    def _is_activation(self, node: Node) -> bool:
        """Whether it is x · f(x), as SiLU and Mish are: one kernel with the convolution before."""
        return any(self._is_of(one, other) for one, other in (node.input, reversed(node.input)))

    def _is_of(self, value: str, base: str) -> bool:
        """Whether ``value`` is an elementwise function of ``base`` alone."""
        while value != base:
            node = self._graph.producer.get(value)
            if node is None or node.op_type not in _ELEMENTWISE:
                return False
            value = node.input[0]
        return True

    def _root(self, name: str) -> str:
        while name != (above := self._group.get(name, name)):
            name = above
        return name

    def _join(self, name: str, other: str) -> None:
        self._group[self._root(name)] = self._root(other)
