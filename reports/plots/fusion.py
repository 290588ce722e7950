"""Accuracy against latency of the modes of a network: colour by mode, line by setting."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from reports.analysis.accuracies import gain
from reports.analysis.fusions import FusionModes, main_settings
from reports.analysis.tradeoffs import RANKED_BY, scored_by
from reports.columns import COLUMNS, Row
from reports.plots.accuracy import latencies_of, scores_of
from reports.plots.axes import (
    GREY,
    canvas,
    cross_out,
    error_bars,
    label_points,
    legend,
    named,
    plain_scale,
)
from reports.plots.styles import OKABE_ITO
from reports.rows.grouping import grouped, measured_of
from sizewise.core.evidence import is_more
from sizewise.core.trials import Metric

_LINES = (("-", "o"), ("--", "s"), (":", "^"))
"""One for each of the main settings."""


def fusion_figure(modes: Sequence[FusionModes]) -> Figure | None:
    """Lines from the smallest size to the largest, with the sizes beside the most accurate mode's;
    None where fewer than two modes have both an accuracy and a latency."""
    rows = measured_of(row for at_one_size in modes for row in at_one_size.rows)
    for metric in RANKED_BY:
        scored = scored_by(rows, metric)
        settings = main_settings(scored)
        shown = [row for row in scored if row.setting in settings]
        if len({row.fusion for row in shown}) > 1:
            return _figure(shown, metric)
    return None


def _figure(rows: Sequence[Row], metric: Metric) -> Figure:
    pixels = max(row.size.pixels for row in rows)
    at_largest = [row for row in rows if row.size.pixels == pixels]
    best = max(at_largest, key=lambda row: row.score(metric))
    figure, axes = canvas(_title(best, at_largest, metric))
    modes = dict.fromkeys(row.mode for row in rows)
    colours = {mode: OKABE_ITO[turn % len(OKABE_ITO)] for turn, mode in enumerate(modes)}
    lines = dict(zip(dict.fromkeys(row.setting for row in rows), _LINES, strict=False))
    for (mode, setting), line in grouped(rows, lambda row: (row.mode, row.setting)).items():
        style, marker = lines[setting]
        error_bars(
            axes,
            latencies_of(line),
            scores_of(line, metric),
            elinewidth=0.6,
            color=colours[mode],
            linestyle=style,
            marker=marker,
            markersize=5,
            linewidth=1.2,
        )
    points = _points(rows, metric)
    cross_out(axes, points, [row.disturbed for row in rows])
    for mode, colour in colours.items():
        axes.plot([], [], color=colour, linewidth=3, label=named(mode))
    for setting, (style, marker) in lines.items() if len(lines) > 1 else ():
        axes.plot([], [], color=GREY, linestyle=style, marker=marker, label=named(setting))
    plain_scale(axes, "x", [x for x, _ in points], COLUMNS["image_ms"].heading)
    axes.set_ylabel(COLUMNS[metric.name].heading)
    legend(axes)
    own = [row for row in rows if row.mode == best.mode]
    labels = [(row.image_ms, row.score(metric), row.text("size")) for row in own]
    label_points(figure, axes, labels, points)
    return figure


def _title(best: Row, rivals: Sequence[Row], metric: Metric) -> str:
    """Names the most accurate mode, and whether the images tell it from every other one."""
    others = [row for row in rivals if row.mode != best.mode and row.setting == best.setting]
    certain = all(is_more(gain(best, row, metric)) for row in others)
    what = "is the most accurate mode" if certain else "leads, but not certainly,"
    return f"{best.mode} {what} at {best.text('size')}: {metric.title} {best.text(metric.name)}"


def _points(rows: Sequence[Row], metric: Metric) -> list[tuple[float, float]]:
    return [(row.image_ms, row.score(metric)) for row in rows]
