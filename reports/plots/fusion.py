"""Accuracy against latency of the modes of a network: colour by mode, line by setting."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from reports.analysis.fusions import Comparison, main_settings
from reports.analysis.tradeoffs import RANKED_BY
from reports.load import METRICS
from reports.plots.axes import GREY, canvas, cross_out, label_points, legend, named, plain_scale
from reports.plots.styles import OKABE_ITO

_LINES = (("-", "o"), ("--", "s"), (":", "^"))
"""One for each of the main settings."""


def fusion_figure(comparisons: Sequence[Comparison]) -> Figure | None:
    """Lines from the smallest size to the largest, with the sizes beside the most accurate mode's;
    None where fewer than two modes have both an accuracy and a latency."""
    rows = pd.concat([c.rows for c in comparisons]) if comparisons else pd.DataFrame()
    for metric in RANKED_BY if len(rows) else ():
        shown = rows[rows[metric].notna() & rows["median_ms"].notna()]
        shown = shown[shown["setting"].isin(main_settings(shown))]
        if shown["fusion"].nunique() > 1:
            return _figure(shown, metric)
    return None


def _figure(rows: pd.DataFrame, metric: str) -> Figure:
    best = rows.loc[rows[rows["pixels"] == rows["pixels"].max()][metric].idxmax()]
    figure, axes = canvas(
        f"{best['mode']} is the most accurate mode at {best['size']}: "
        f"{METRICS[metric]} {best[metric]:.3f}"
    )
    colours = {mode: OKABE_ITO[n % len(OKABE_ITO)] for n, mode in enumerate(rows["mode"].unique())}
    lines = dict(zip(rows["setting"].unique(), _LINES, strict=False))
    for (mode, setting), line in rows.groupby(["mode", "setting"], sort=False):
        style, marker = lines[setting]
        axes.plot(
            line["image_ms"],
            line[metric],
            color=colours[mode],
            linestyle=style,
            marker=marker,
            markersize=5,
            linewidth=1.2,
        )
    cross_out(axes, rows["image_ms"], rows[metric], rows["doubts"].map(len) > 0)
    for mode, colour in colours.items():
        axes.plot([], [], color=colour, linewidth=3, label=named(str(mode)))
    for setting, (style, marker) in lines.items() if len(lines) > 1 else ():
        axes.plot([], [], color=GREY, linestyle=style, marker=marker, label=named(str(setting)))
    plain_scale(axes, "x", rows["image_ms"], "latency per image (ms)")
    axes.set_ylabel(f"{METRICS[metric]} (0–1)")
    legend(axes)
    columns = ["image_ms", metric]
    named_points = rows[rows["mode"] == best["mode"]][[*columns, "size"]]
    label_points(
        figure,
        axes,
        list(named_points.itertuples(index=False, name=None)),
        list(rows[columns].itertuples(index=False, name=None)),
    )
    return figure
