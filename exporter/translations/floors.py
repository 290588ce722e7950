"""Floor division of numbers below zero, as in ``-(-height // 7)``.

torch's exporter translates ``//`` to ONNX's Div, which rounds towards zero.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from torch import fx
from torch.export import ExportedProgram

from exporter.translations.operators import operators


def needed(program: ExportedProgram) -> dict[Callable[..., Any], Callable[..., Any]]:
    """What ``torch.onnx.export`` must translate otherwise: nothing where nothing below zero is
    divided."""
    divisions = (node for node in program.graph.nodes if node.target is operator.floordiv)
    return {operator.floordiv: _floor} if any(map(_is_below_zero, divisions)) else {}


def _is_below_zero(node: fx.Node) -> bool:
    """Whether what is divided may be."""
    above: Any = node.args[0]
    value = above.meta["val"] if isinstance(above, fx.Node) else above
    if isinstance(value, int):
        return value < 0
    return bool(value.node.shape_env.bound_sympy(value.node.expr).lower < 0)


def _floor(self: Any, other: Any) -> Any:
    """Exact: ONNX's Mod has the divisor's sign, so that what is left is a multiple of it."""
    op = operators()

    return op.Div(op.Sub(self, op.Mod(self, other)), other)
