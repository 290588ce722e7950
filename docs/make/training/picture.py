"""The picture of docs/training-measured.md: AP at each input size, for each way to train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from docs.make.training.figures import Run
from docs.make.training.scales import SIZES
from reports.plots.saved import save
from reports.plots.styles import OKABE_ITO

_PANELS = {"ap": "AP", "ap50": "AP50", "ap_small": "AP small", "ap_medium": "AP medium"}


def draw_scales(plans: Mapping[str, Sequence[Run]], path: Path) -> None:
    """A panel for each figure; the points are seeds, the lines go through their means."""
    figure = Figure(figsize=(11, 8), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True).flat
    for axes, (name, title) in zip(panels, _PANELS.items(), strict=True):
        _draw(axes, plans, name)
        axes.set_title(title)
    figure.supxlabel("input size of the evaluation (px)")
    figure.supylabel("points")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    save(figure, path)


def _draw(axes: Axes, plans: Mapping[str, Sequence[Run]], name: str) -> None:
    for (title, runs), colour in zip(plans.items(), OKABE_ITO, strict=False):
        line = "--" if "alone" in title else "-"
        each = [[100 * run.figure(side, name) for run in runs] for side in SIZES]
        means = [fmean(values) for values in each]
        axes.plot(SIZES, means, color=colour, linestyle=line, linewidth=1.4, label=title)
        for side, values in zip(SIZES, each, strict=True):
            axes.plot([side] * len(values), values, ".", color=colour, markersize=3, alpha=0.6)
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
