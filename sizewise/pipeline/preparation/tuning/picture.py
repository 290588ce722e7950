"""A search as a picture: scores in their order, and how each option goes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.machine.home import spare_home_of_matplotlib
from sizewise.pipeline.preparation.tuning.rows import TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEWEST = 5
"""Trials below which no correlation is drawn."""
_COLOURS = {"complete": "C0", "pruned": "0.6"}


def correlations(rows: Sequence[TrialRow], names: Sequence[str]) -> dict[str, float]:
    """Spearman's rank correlation of each option with the score, −1 to 1, the strongest first.

    Trials that ended early count with the score that they had. Empty below five trials, and without
    options whose values or scores are all alike.
    """
    scored = [row for row in rows if row.score is not None]
    if len(scored) < _FEWEST:
        return {}
    from scipy.stats import spearmanr

    scores = [row.score or 0.0 for row in scored]
    found = {}
    for name in names:
        values = [row.values[name] for row in scored]
        if len(set(values)) > 1 and len(set(scores)) > 1:
            found[name] = float(spearmanr(values, scores).statistic)
    return dict(sorted(found.items(), key=lambda one: -abs(one[1])))


def draw_search(
    rows: Sequence[TrialRow], metric: str, names: Sequence[str], title: str, path: Path
) -> None:
    """Draw the trials into ``path``, a PNG. Raises OutputError."""
    spare_home_of_matplotlib()
    from matplotlib.figure import Figure

    from sizewise.core.files import written_whole

    found = correlations(rows, names)
    height = 3.0 + (0.8 + 0.28 * len(found) if found else 0)
    figure = Figure(figsize=(8, height), layout="constrained")
    ratios = [3.0, height - 3.0] if found else [1.0]
    panels = figure.subplots(len(ratios), 1, squeeze=False, height_ratios=ratios)[:, 0]
    _draw_scores(panels[0], rows, metric)
    if found:
        _draw_correlations(panels[1], found, metric)
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title)
    with written_whole(path) as draft:
        figure.savefig(draft, format="png", dpi=110)


def _draw_scores(axes: Axes, rows: Sequence[TrialRow], metric: str) -> None:
    """A point for each trial, and the best so far as a line."""
    from matplotlib.ticker import MaxNLocator

    for state, colour in _COLOURS.items():
        scored = [row for row in rows if row.state == state and row.score is not None]
        scores = [row.score or 0.0 for row in scored]
        axes.scatter([row.number for row in scored], scores, s=18, color=colour, label=state)
    failed = [row.number for row in rows if row.state == "failed"]
    if failed:
        axes.scatter(failed, [0.0] * len(failed), s=18, color="C3", marker="x", label="failed")
    best, line = 0.0, []
    for row in rows:
        best = max(best, row.score or 0.0) if row.state == "complete" else best
        line.append(best)
    numbers = [row.number for row in rows]
    axes.plot(
        numbers, line, color="black", linewidth=1, drawstyle="steps-post", label="best so far"
    )
    axes.set_xlabel("trial")
    axes.set_ylabel(metric)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=True, alpha=0.25)
    axes.legend(fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False)


def _draw_correlations(axes: Axes, found: Mapping[str, float], metric: str) -> None:
    names, values = list(found)[::-1], list(found.values())[::-1]
    colours = ["C0" if value > 0 else "C1" for value in values]
    axes.barh(names, values, color=colours, height=0.6)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlim(-1, 1)
    axes.set_xlabel(f"rank correlation with {metric} (Spearman)")
