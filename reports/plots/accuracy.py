"""Accuracy against latency, with the Pareto front."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from matplotlib.figure import Figure

from reports.analysis.front import pareto_front
from reports.analysis.tradeoffs import Contest
from reports.analysis.useful import why_none
from reports.analysis.verdicts import Verdicts
from reports.columns import COLUMNS, Row
from reports.plots.axes import (
    FRONT,
    GREY,
    Values,
    canvas,
    cross_out,
    error_bars,
    label_points,
    legend,
    named,
    plain_scale,
)
from reports.plots.styles import Style
from reports.text.words import counted
from sizewise.core.trials import Metric


def accuracy_figure(contest: Contest, verdicts: Verdicts, look: Mapping[str, Style]) -> Figure:
    """Accuracy against latency per image, with 95 % intervals; the Pareto front, where there is
    one, is drawn and its sizes are named."""
    front = pareto_front(contest, verdicts)
    title = _title(front, len(contest.rows)) if front else why_none(contest.rows)
    figure, axes = canvas(title)
    if front:
        x, y = _staircase(front, contest.metric)
        axes.step(x, y, where="post", color=GREY, linewidth=1, alpha=0.6, label=FRONT)
    for engine, style in look.items():
        line = [row for row in contest.rows if row.engine == engine]
        if line:
            latencies, scores = latencies_of(line), scores_of(line, contest.metric)
            error_bars(axes, latencies, scores, **style.dot, elinewidth=0.6, label=named(engine))
            points = _points(line, contest.metric)
            cross_out(axes, points, [row.disturbed for row in line])
    column = COLUMNS["image_ms"]
    plain_scale(axes, "x", [row.image_ms for row in contest.rows], column.heading)
    axes.set_ylabel(COLUMNS[contest.metric.name].heading)
    legend(axes)
    labels = [(row.image_ms, row.score(contest.metric), row.text("size")) for row in front]
    label_points(figure, axes, labels, _points(contest.rows, contest.metric))
    return figure


def latencies_of(rows: Iterable[Row]) -> Values:
    """Milliseconds per image with the ends of their intervals."""
    return [
        (
            row.image_ms,
            row.latency_low_ms / row.batch_size,
            row.latency_high_ms / row.batch_size,
        )
        for row in rows
    ]


def scores_of(rows: Iterable[Row], metric: Metric) -> Values:
    """Accuracies with the ends of their intervals."""
    return [(row.score(metric), row.accuracy_low, row.accuracy_high) for row in rows]


def _staircase(front: Sequence[Row], metric: Metric) -> tuple[list[float], list[float]]:
    """The highest accuracy so far, where a row of the front may be tied with a faster one."""
    x: list[float] = []
    y: list[float] = []
    for row in front:
        x.append(row.image_ms)
        y.append(max([row.score(metric), *y[-1:]]))
    return x, y


def _points(rows: Iterable[Row], metric: Metric) -> list[tuple[float, float]]:
    return [(row.image_ms, row.score(metric)) for row in rows]


def _title(front: Sequence[Row], count: int) -> str:
    holders = Counter(row.engine for row in front)
    if len(front) == count and len(holders) > 1:
        return f"None of {counted(count, 'row')} is shown to be beaten in latency and accuracy"
    ((best, points),) = holders.most_common(1)
    if len(holders) == 1:
        return f"{best} holds every point of the Pareto front"
    return f"{best} holds {points} of the {len(front)} points of the Pareto front"
