"""The curves of a training as a picture: loss, size and validation scores over its steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netzoo.training.history import Row
from sizewise.core.files import written_whole
from sizewise.core.machine.home import spare_home_of_matplotlib
from sizewise.core.trials import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST_STEPS = 5
_DPI = 110
_MEAN_OF = 20
"""The inverse share of the steps that a mean of the loss is over."""
_FEW = 60
"""So many points are drawn as such; more would run into each other."""
_SHOWN = 0.99
"""The share of the losses that the scale is for: the first may be many times the others."""
_LEAST_SCALE = 0.01
"""The least end of the scale of scores: below it, there are only differences that mean nothing."""

Values = NDArray[np.float64]


def save_curves(
    rows: Sequence[Row], scores: Mapping[int, Mapping[str, float]], title: str, path: Path
) -> None:
    """Draw the steps of a history, and the ``scores`` of the validations by their steps. Of very
    few steps there is no curve, and no picture. Raises OutputError."""
    if len(rows) < FEWEST_STEPS:
        path.unlink(missing_ok=True)  # of another training
        return
    spare_home_of_matplotlib()
    from matplotlib.figure import Figure

    count = 3 if scores else 2
    figure = Figure(figsize=(9, 2.6 * count), layout="constrained")
    panels = list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])
    _draw_loss(panels[0], rows)
    _draw_sizes(panels[1], rows)
    if scores:
        _draw_scores(panels[2], scores)
    for axes in panels:
        axes.grid(visible=True, alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("step")
    panels[-1].xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(title)
    with written_whole(path) as draft:
        figure.savefig(draft, format="png", dpi=_DPI)


def _draw_loss(axes: Axes, rows: Sequence[Row]) -> None:
    """The mean of the sum and of each part; the sum of each step behind them."""
    steps = [row.step for row in rows]
    total = np.array([row.loss for row in rows])
    axes.plot(steps, total, color="0.75", linewidth=0.6, label="loss of each step")
    names = dict.fromkeys(name for row in rows for name in row.parts)
    window = max(1, len(rows) // _MEAN_OF)
    what = f"mean of {window} steps" if window > 1 else "loss"
    axes.plot(steps, _running_mean(total, window), color="black", linewidth=1.6, label=what)
    for name in names if len(names) > 1 else ():
        known = [(row.step, row.parts[name]) for row in rows if name in row.parts]
        values = _running_mean(np.array([value for _, value in known]), window)
        axes.plot([step for step, _ in known], values, linewidth=1, label=name)
    axes.set_ylabel("loss, weighted")
    top = float(np.quantile(total, _SHOWN))
    if top > 0:
        axes.set_ylim(0, 1.05 * top)
    _name_lines(axes)


def _running_mean(values: Values, window: int) -> Values:
    """The mean of each value and those before it, ``window`` of them or as many as there are."""
    sums = np.concatenate([[0.0], values.cumsum()])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    means: Values = (sums[ends] - sums[starts]) / (ends - starts)
    return means


def _draw_sizes(axes: Axes, rows: Sequence[Row]) -> None:
    sides = [math.sqrt(row.size.pixels) for row in rows]
    square = all(row.size.height == row.size.width for row in rows)
    axes.plot([row.step for row in rows], sides, drawstyle="steps-mid", linewidth=0.8)
    axes.set_ylabel("size (px)" if square else "√pixels")
    axes.set_ylim(0, 1.1 * max(sides))


def _draw_scores(axes: Axes, scores: Mapping[int, Mapping[str, float]]) -> None:
    titles = {metric.name: metric for metric in METRICS}
    steps = sorted(scores)
    marker = "o" if len(steps) < _FEW else ""
    for name in scores[steps[0]]:
        values = [scores[step][name] for step in steps]
        title = titles[name].title if name in titles else name
        best = max(range(len(steps)), key=values.__getitem__)
        if ranks := name in titles and titles[name].ranks:
            title = f"{title} (best {values[best]:.3f}, step {steps[best]})"
        (line,) = axes.plot(steps, values, marker=marker, markersize=3, linewidth=1.2, label=title)
        if ranks:
            axes.axvline(steps[best], color=line.get_color(), linewidth=0.8, linestyle=":")
    axes.set_ylabel("validation")
    highest = max(v for one in scores.values() for v in one.values())
    axes.set_ylim(0, min(1.0, max(_LEAST_SCALE, 1.15 * highest)))
    _name_lines(axes)


def _name_lines(axes: Axes) -> None:
    """Above the panel, where no line is hidden."""
    axes.legend(fontsize="small", loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False)
