"""Accuracy that a precision loses, by input size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from reports.analysis.accuracies import gain
from reports.analysis.tradeoffs import Contest
from reports.columns import Row
from reports.plots.axes import (
    GREY,
    canvas,
    error_bars,
    exactly,
    legend,
    named,
    positions,
    size_axis,
)
from reports.plots.styles import Style
from reports.rows.grouping import by_pixels, grouped

REFERENCE = "fp32"


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Points (0.01) that ``row`` is less accurate than the FP32 engine of its size, with the ends
    of the interval, NaN where there is none."""

    row: Row
    points: tuple[float, float, float]


def losses_of(contests: Iterable[Contest]) -> list[Loss]:
    """Of each engine whose precision is not FP32, where an FP32 one of its network and size was
    scored; the same back end and strategy where there are several."""
    return [
        Loss(row=row, points=_points(base, row, contest))
        for contest in contests
        for row in by_pixels(contest.rows)
        if row.precision != REFERENCE and (base := _reference(row, contest.rows)) is not None
    ]


def loss_figure(contests: Sequence[Contest], look: Mapping[str, Style]) -> Figure | None:
    """A line per engine over the sizes; None where no precision can be held against FP32."""
    losses = [one for one in losses_of(contests) if math.isfinite(one.points[0])]
    if not losses:
        return None
    worst = max(losses, key=lambda one: one.points[0])
    figure, axes = canvas(_title(worst))
    rows = [one.row for one in losses]
    place = positions(rows)
    for engine, line in grouped(losses, lambda one: one.row.engine).items():
        sides = [exactly(place[one.row.size]) for one in line]
        values = [one.points for one in line]
        error_bars(axes, sides, values, **look[engine].line, label=named(engine), capsize=2)
    axes.axhline(0, color=GREY, linewidth=1)
    size_axis(axes, rows)
    axes.set_ylabel(f"{contests[0].metric.title} lost against {REFERENCE} (points)")
    legend(axes)
    return figure


def _title(worst: Loss) -> str:
    points = worst.points[0]
    if points <= 0:
        return f"No engine loses accuracy against {REFERENCE}"
    return f"{worst.row.where} loses most against {REFERENCE}: {points:.2f} points"


def _reference(row: Row, among: Iterable[Row]) -> Row | None:
    def likeness(one: Row) -> tuple[bool, bool]:
        return one.backend == row.backend, one.strategy == row.strategy

    same = [
        one
        for one in among
        if one.precision == REFERENCE
        and (one.network, one.fusion, one.size) == (row.network, row.fusion, row.size)
    ]
    return max(same, key=likeness, default=None)


def _points(base: Row, row: Row, contest: Contest) -> tuple[float, float, float]:
    lost = gain(base, row, contest.metric)
    low, high = (math.nan if end is None else 100 * end for end in (lost.low, lost.high))
    return 100 * lost.point, low, high
