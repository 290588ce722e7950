"""The machine while it measured: clock, load and anchor over time, rejected rounds shaded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reports.columns import Row
from reports.plots.axes import GREY, panels
from reports.plots.styles import OKABE_ITO
from reports.text.words import counted
from sizewise.core.trials import Block

_VALUES: Mapping[str, Callable[[Block], float]] = {
    "clock (GHz)": lambda block: block.clock_mhz / 1000 if block.clock_mhz > 0 else math.nan,
    "other programs\n(% of cores)": lambda block: 100 * block.load,
    "anchor (ms)": lambda block: math.nan if block.anchor_ns is None else block.anchor_ns / 1e6,
}
_PAUSE_MIN = 5.0
"""Minutes without a round from which on the time between is left out of the axis."""
REJECTED = "#D55E00"


def machine_figure(rows: Iterable[Row]) -> Figure | None:
    """A point per attempt at a round in each panel; None where there was no round."""
    attempts = sorted(_attempts(rows), key=lambda block: block.started_ns)
    if not attempts:
        return None
    rejected = sum(not block.valid for block in attempts)
    figure, axes = panels(
        f"{rejected or 'None'} of {counted(len(attempts), 'attempt')} at a round was rejected"
        if rejected < 2
        else f"{rejected} of {counted(len(attempts), 'attempt')} at a round were rejected",
        down=len(_VALUES),
    )
    minutes = _minutes(attempts)
    for panel, (label, value) in zip(axes, _VALUES.items(), strict=True):
        _draw(panel, minutes, [value(block) for block in attempts])
        panel.set_ylabel(label)
        for minute, block in zip(minutes, attempts, strict=True):
            if not block.valid:
                panel.axvline(minute, color=REJECTED, alpha=0.25, linewidth=2, zorder=0)
    axes[-1].set_xlabel("minutes of measuring (pauses between runs left out)")
    if rejected:
        shown = [Patch(color=REJECTED, alpha=0.25, label="rejected round")]
        figure.legend(handles=shown, loc="outside lower right", frameon=False, fontsize=9)
    return figure


def _draw(axes: Axes, minutes: list[float], values: list[float]) -> None:
    known = [(x, y) for x, y in zip(minutes, values, strict=True) if math.isfinite(y)]
    if known:
        axes.plot(*zip(*known, strict=True), ".", color=OKABE_ITO[0], markersize=3)
        return
    axes.text(
        0.5, 0.5, "not reported", transform=axes.transAxes, ha="center", va="center", color=GREY
    )
    axes.set_yticks([])


def _attempts(rows: Iterable[Row]) -> Iterable[Block]:
    """A block of each attempt: all engines of a round met the same."""
    blocks = (block for row in rows for block in row.result.blocks)
    return {(b.session, b.wave, b.round, b.attempt): b for b in blocks}.values()


def _minutes(ordered: list[Block]) -> list[float]:
    """Minutes since the first round, long pauses left out."""
    found, now, last = [], 0.0, ordered[0].started_ns
    for block in ordered:
        gone = (block.started_ns - last) / 60e9
        now, last = now + (gone if gone < _PAUSE_MIN else 0.0), block.started_ns
        found.append(now)
    return found
