"""The plots of a sweep, each with a title that says what is seen in it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.analysis.fusions import compare_modes
from reports.analysis.pairs import Pair, best_mean, by_backend, find_pairs
from reports.analysis.tradeoffs import Contest, contests, pareto_front
from reports.columns import COLUMNS, Row
from reports.findings.phrases import price
from reports.grouping import by_pixels, grouped, measured_of
from reports.plots.axes import (
    BAND,
    FRONT,
    GREY,
    canvas,
    cross_out,
    label_points,
    legend,
    named,
    plain_scale,
    positions,
    size_axis,
)
from reports.plots.fusion import fusion_figure
from reports.plots.styles import Style, styles
from reports.text.words import counted, listed
from sizewise.core.stats import PRACTICAL

Styles = Mapping[str, Style]
Values = Sequence[tuple[float, float, float]]
"""Points with the ends of their intervals, NaN where there is no interval."""


def draw(rows: Sequence[Row]) -> dict[str, Figure]:
    """File name → plot; those for which there are figures."""
    look = styles(rows)
    measured = measured_of(rows)
    pairs = find_pairs(rows)
    plots = {}
    if measured:
        plots["latency.png"] = latency_figure(measured, look)
    if pairs:
        plots["dynamic.png"] = ratio_figure(measured, pairs, look)
    for number, contest in enumerate(contests(rows)):
        plots[f"accuracy{number or ''}.png"] = accuracy_figure(contest, look)
    if modes := fusion_figure(compare_modes(rows)):
        plots["fusions.png"] = modes
    return plots


def latency_figure(rows: Sequence[Row], look: Styles) -> Figure:
    """A line per engine over the sizes, with 95 % intervals."""
    figure, axes = canvas(_latency_title(rows))
    place = positions(rows)
    for engine, line in grouped(by_pixels(rows), lambda row: row.engine).items():
        x = [place[row.size] for row in line]
        values = [(row.latency_ms, row.latency_low_ms, row.latency_high_ms) for row in line]
        _bars(axes, x, values, look[engine].line, engine)
        points = [(side, row.latency_ms) for side, row in zip(x, line, strict=True)]
        cross_out(axes, points, [row.reliable for row in line])
    size_axis(axes, rows)
    plain_scale(axes, "y", [row.latency_ms for row in rows], "latency per call (ms)")
    legend(axes)
    return figure


def _latency_title(rows: Sequence[Row]) -> str:
    sizes = grouped(rows, lambda row: row.size).values()
    winners = Counter(min(group, key=lambda row: row.image_ms).engine for group in sizes)
    ((best, wins),) = winners.most_common(1)
    count = len(sizes)
    where = f"all {count} sizes" if wins == count else f"{wins} of {counted(count, 'size')}"
    size = rows[0].text("size")
    return f"{best} has the lowest median latency at {where if count > 1 else size}"


def ratio_figure(rows: Sequence[Row], pairs: Sequence[Pair], look: Styles) -> Figure:
    """Latency of each engine for many sizes against the static one, in percent more or less."""
    figure, axes = canvas(_ratio_title(pairs))
    place = positions(rows)
    engines = grouped(pairs, lambda pair: pair.row.engine)
    shifts = _shifts(place.values(), len(engines))
    for (engine, own), shift in zip(engines.items(), shifts, strict=True):
        x = [place[pair.row.size] + shift for pair in own]
        values = [_percents(pair) for pair in own]
        _bars(axes, x, values, look[engine].dot, engine)
        points = [(side, point) for side, (point, _, _) in zip(x, values, strict=True)]
        cross_out(axes, points, [pair.reliable for pair in own])
    axes.axhline(0, color=GREY, linewidth=1)
    axes.axhspan(-100 * PRACTICAL, 100 * PRACTICAL, color=GREY, alpha=0.12, linewidth=0, label=BAND)
    size_axis(axes, rows)
    axes.set_ylabel("latency compared with the static engine (%)")
    legend(axes)
    return figure


def _ratio_title(pairs: Sequence[Pair]) -> str:
    groups = by_backend(pairs).items()
    costs = [f"{price(best_mean(group))} in {name}" for name, group in groups]
    if not costs:
        return "Latency of engines for many sizes compared with one static engine per size"
    return f"One dynamic engine instead of one static engine per size: {listed(costs)}"


def _percents(pair: Pair) -> tuple[float, float, float]:
    ratio = pair.ratio
    point, low, high = (
        math.nan if end is None else 100 * (end - 1) for end in (ratio.ratio, ratio.low, ratio.high)
    )
    return point, low, high


def _shifts(places: Iterable[float], count: int) -> list[float]:
    """Sideways steps that keep the bars of one size apart and those of two sizes together."""
    gaps = np.diff(sorted(places))
    step = min(gaps, default=1.0) / (count + 2)
    return [step * (number - (count - 1) / 2) for number in range(count)]


def accuracy_figure(contest: Contest, look: Styles) -> Figure:
    """Accuracy against latency per image; the Pareto front is drawn and its sizes are named."""
    front = pareto_front(contest)
    figure, axes = canvas(_accuracy_title(front))
    axes.step(
        *_columns(contest, front),
        where="post",
        color=GREY,
        linewidth=1,
        alpha=0.6,
        label=FRONT,
    )
    for engine in look:
        line = [row for row in contest.rows if row.engine == engine]
        if line:
            axes.plot(*_columns(contest, line), **look[engine].dot, label=named(engine))
            cross_out(axes, _points(contest, line), [row.reliable for row in line])
    column = COLUMNS["image_ms"]
    plain_scale(axes, "x", [row.image_ms for row in contest.rows], column.heading)
    axes.set_ylabel(COLUMNS[contest.metric.name].heading)
    legend(axes)
    labels = [(row.image_ms, row.score(contest.metric), row.text("size")) for row in front]
    label_points(figure, axes, labels, _points(contest, contest.rows))
    return figure


def _points(contest: Contest, rows: Iterable[Row]) -> list[tuple[float, float]]:
    return [(row.image_ms, row.score(contest.metric)) for row in rows]


def _columns(contest: Contest, rows: Iterable[Row]) -> tuple[list[float], list[float]]:
    points = _points(contest, rows)
    return [x for x, _ in points], [y for _, y in points]


def _accuracy_title(front: Sequence[Row]) -> str:
    holders = Counter(row.engine for row in front)
    ((best, count),) = holders.most_common(1)
    if len(holders) == 1:
        return f"{best} holds every point of the Pareto front"
    return f"{best} holds {count} of the {len(front)} points of the Pareto front"


def _bars(axes: Axes, x: Sequence[float], values: Values, look: dict[str, Any], label: str) -> None:
    """Points with intervals."""
    point, low, high = np.array(values).T
    axes.errorbar(x, point, [point - low, high - point], **look, label=named(label), capsize=2)
