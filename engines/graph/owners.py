"""The layer that a node belongs to: itself, or the one whose activation it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.onnxfiles.shapes import load_without_weights

if TYPE_CHECKING:
    import onnx

_OF_ACTIVATIONS = frozenset(
    {
        *("Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "Mish", "Softplus"),
        *("Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Erf", "Clip", "BatchNormalization"),
        *("Add", "Sub", "Mul", "Div", "Identity", "Cast", "QuantizeLinear", "DequantizeLinear"),
    }
)
"""Operators that work on each value by itself."""


def label(node: onnx.NodeProto) -> str:
    """A node's name, or its first output's where it has none."""
    return node.name or next(iter(node.output), "")


def owners(path: Path, layers: Collection[str], image: str) -> Mapping[str, str]:
    """The layer of each node in an ONNX file that belongs to one of ``layers``, by names, as far as
    they depend on the input ``image``.

    These are the layers, and what follows one of them value by value: its bias, activation and
    scales. What has two layers before it, or moves values, belongs to none. Raises InputError.
    """
    graph = load_without_weights(path).graph
    seen = {image}
    of_tensor: dict[str, str] = {}
    found: dict[str, str] = {}
    for node in graph.node:
        given = [name for name in node.input if name in seen]
        if not given:
            continue
        seen.update(node.output)
        owner = label(node) if label(node) in layers else _before(node, given, of_tensor)
        if owner:
            found[label(node)] = owner
            of_tensor.update(dict.fromkeys(node.output, owner))
    return found


def _before(node: onnx.NodeProto, given: Sequence[str], of_tensor: Mapping[str, str]) -> str:
    """The one layer that an activation follows; empty where there is none, or several."""
    several = {of_tensor.get(name, "") for name in given}
    return several.pop() if node.op_type in _OF_ACTIVATIONS and len(several) == 1 else ""


def layer_of(made_of: Sequence[str], layers: Collection[str], owned: Mapping[str, str]) -> str:
    """The layer that a node of an engine belongs to; empty where that is not known.

    It is the one layer that it is made of or, without one, the one that all of its nodes belong
    to.
    """
    named = {name for name in made_of if name in layers}
    if not named:
        named = {owned.get(name, "") for name in made_of}
    return named.pop() if len(named) == 1 else ""
