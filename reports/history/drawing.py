"""A plot for each engine: its latency over time, a panel for each size, changes marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from reports.history.changes import Change
from reports.history.series import Line
from reports.plots.axes import GREY
from reports.text.verdicts import change as percent_change
from reports.text.words import times

_MOST = 12
"""Panels in a figure; lines beyond it are in the table alone."""


def history_figure(lines: Sequence[Line], changes: Sequence[Change]) -> Figure:
    """``lines`` are of one engine."""
    shown = lines[:_MOST]
    figure = Figure(figsize=(8, 1 + 1.8 * len(shown)), layout="constrained")
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    figure.suptitle(lines[0].engine, x=0.02, ha="left", fontsize=11, parse_math=False)
    for axes, line in zip(panels, shown, strict=True):
        when = [datetime.fromisoformat(moment.started) for moment in line.moments]
        axes.plot(when, [moment.ms for moment in line.moments], "o-", color="#0072B2", markersize=4)
        for one in changes:
            if one.line is line:
                at = datetime.fromisoformat(one.at.started)
                axes.axvline(at, color="#D55E00", linewidth=1)
                axes.annotate(
                    percent_change(one.ratio),
                    (at, one.at.ms),
                    xytext=(4, 4),
                    textcoords="offset points",
                    color="#D55E00",
                    fontsize=9,
                )
        axes.set_title(f"{times(line.size)}, {line.machine}", loc="left", fontsize=9, color=GREY)
        axes.set_ylabel("ms")
        axes.grid(visible=True, color="#E0E0E0", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    return figure
