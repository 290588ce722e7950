"""Remainders of tensors and sizes, as in ``places % width`` for the columns of places in a map.

torch's exporter takes the size for a number that it knows, and fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from exporter.translations.operators import operators

_ATEN = torch.ops.aten
_SCALARS = {_ATEN.remainder.Scalar: 1, _ATEN.remainder.Scalar_Tensor: 0}
"""Which argument of each is no tensor."""


def needed(program: ExportedProgram) -> dict[Callable[..., Any], Callable[..., Any]]:
    """What ``torch.onnx.export`` must translate otherwise: nothing where no size is an operand."""
    found = {node.target for node in program.graph.nodes if _takes_size(node)}
    table = {_ATEN.remainder.Scalar: _by_number, _ATEN.remainder.Scalar_Tensor: _of_number}
    return {target: translate for target, translate in table.items() if target in found}


def _takes_size(node: fx.Node) -> bool:
    return node.target in _SCALARS and isinstance(node.args[_SCALARS[node.target]], fx.Node)


def _by_number(self: Any, other: Any) -> Any:
    return _remainder(self, operators().CastLike(other, self), self.dtype)


def _of_number(self: Any, other: Any) -> Any:
    return _remainder(operators().CastLike(self, other), other, other.dtype)


def _remainder(self: Any, other: Any, dtype: Any) -> Any:
    """It has the divisor's sign, as in Python."""
    op = operators()

    if dtype.is_integer():
        return op.Mod(self, other)
    return op.Sub(self, op.Mul(op.Floor(op.Div(self, other)), other))
