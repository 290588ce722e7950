"""Adaptive pooling of maps of any size to a grid, in ONNX operators.

torch's exporter unrolls it for the example's size. Here, each pool's first and last cell are
computed in the graph: pool i of n, over a side of s cells, is [i·s // n, ceil((i + 1)·s / n)).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from exporter.diagnosis.places import Place
from exporter.translations.operators import operators
from sizewise.core.errors import ExportError

_ATEN = torch.ops.aten
_AVERAGES = (
    *(_ATEN.adaptive_avg_pool1d.default, _ATEN.adaptive_avg_pool2d.default),
    _ATEN._adaptive_avg_pool2d.default,
)
_MAXIMA = (_ATEN.adaptive_max_pool1d.default, _ATEN.adaptive_max_pool2d.default)


def needed(
    program: ExportedProgram, lines: Mapping[str, Place]
) -> dict[Callable[..., Any], Callable[..., Any]]:
    """What ``torch.onnx.export`` must translate otherwise: nothing where no maps of a free size are
    pooled to a grid.

    Raises ExportError for a maximum whose indices are used; ``lines`` holds each node's line.
    """
    pools = [node for node in program.graph.nodes if _is_free(node)]
    for node in pools:
        if node.target in _MAXIMA and _has_indices(node):
            place = lines.get(str(node))
            raise ExportError(
                "The module can't be converted to ONNX",
                "adaptive max pooling is exported without indices, which are used"
                + (f" in {place}" if place else ""),
                "Use its values alone.",
            )
    if not pools:
        return {}
    return {
        _ATEN._adaptive_avg_pool2d.default: _average,
        _ATEN.adaptive_max_pool2d.default: _maximum,
    }


def _is_free(node: fx.Node) -> bool:
    """Whether maps of a free size are pooled to more than one cell; of maxima also whether torch
    has no way for a size that is no multiple of the grid's."""
    if node.target not in (*_AVERAGES, *_MAXIMA):
        return False
    cells: Any = node.args[1]
    sides = node.args[0].meta["val"].shape[-len(cells) :]  # type: ignore[union-attr]
    return any(
        count != 1 and (not isinstance(side, int) or (node.target in _MAXIMA and side % count))
        for count, side in zip(cells, sides, strict=True)
    )


def _has_indices(node: fx.Node) -> bool:
    return any(user.args[1] == 1 and user.users for user in node.users)


def _average(maps: Any, output_size: Sequence[Any]) -> Any:
    """Means over rows, then over columns: pools are rectangles."""
    op = operators()

    for axis, cells in zip((-2, -1), output_size, strict=True):
        if isinstance(cells, int) and cells == 1:
            maps = op.ReduceMean(maps, _ints(axis), keepdims=1)
        elif axis == -2:
            maps = op.MatMul(_shares(maps, axis, cells), maps)
        else:
            maps = op.MatMul(maps, op.Transpose(_shares(maps, axis, cells), perm=[1, 0]))
    return maps


def _maximum(maps: Any, output_size: Sequence[int]) -> tuple[Any, Any]:
    """Values, and a stand-in for indices, which nothing reads."""
    op = operators()

    for axis, cells in zip((-2, -1), output_size, strict=True):
        axes = _ints(axis)
        parts = []
        for number in range(cells):
            first, end = _span(_ints(number), _side(maps, axis), cells)
            part = op.Slice(maps, first, end, axes)
            parts.append(op.ReduceMax(part, axes, keepdims=1))
        maps = op.Concat(*parts, axis=axis) if cells > 1 else parts[0]
    return maps, op.Cast(maps, to=7)


def _shares(maps: Any, axis: int, cells: Any) -> Any:
    """The weights [cells, side] of each place in each pool's mean."""
    op = operators()

    one, last = _int(1), _ints(-1)
    side = op.Squeeze(_side(maps, axis))
    count = _int(cells) if isinstance(cells, int) else cells
    number = op.Unsqueeze(op.Range(_int(0), count, one), last)
    first, end = _span(number, side, count)
    place = op.Range(_int(0), side, one)
    inside = op.And(op.GreaterOrEqual(place, first), op.Less(place, end))
    return op.Div(op.CastLike(inside, maps), op.CastLike(op.Sub(end, first), maps))


def _int(value: int) -> Any:
    op = operators()

    return op.Constant(value_int=value)


def _ints(*values: int) -> Any:
    op = operators()

    return op.Constant(value_ints=values)


def _side(maps: Any, axis: int) -> Any:
    op = operators()

    return op.Shape(maps, start=axis) if axis == -1 else op.Shape(maps, start=axis, end=axis + 1)


def _span(number: Any, side: Any, cells: Any) -> tuple[Any, Any]:
    """The first place of pools, and the one after their last."""
    op = operators()

    after = op.Mul(op.Add(number, _int(1)), side)
    count = _int(cells) if isinstance(cells, int) else cells
    up = op.Add(after, op.Sub(count, _int(1)))
    return op.Div(op.Mul(number, side), count), op.Div(up, count)
