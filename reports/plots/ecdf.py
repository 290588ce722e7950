"""Which share of calls is faster than a latency: of the engines that a decision is between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from reports.analysis.useful import useful
from reports.analysis.verdicts import Verdicts
from reports.columns import Row
from reports.plots.axes import canvas, finite, legend, named, plain_scale
from reports.plots.styles import Style
from reports.rows.grouping import at_largest_size, latest

_MOST = 6
"""Engines in the plot."""
_WEARS = ("-", "--", ":")
"""The line of a second and a third size of one engine."""


def ecdf_figure(verdicts: Verdicts, look: Mapping[str, Style]) -> Figure | None:
    """A curve per engine over all warm calls; None where no engine has any."""
    rows = _rivals(verdicts)
    if not rows:
        return None
    figure, axes = canvas(f"Every warm call of {rows[0].where} and of its rivals")
    everything: list[float] = []
    worn: dict[str, int] = {}
    for row in rows:
        calls = np.sort(_calls_ms(row))
        turn = worn[row.engine] = worn.get(row.engine, -1) + 1
        axes.step(
            calls,
            np.arange(1, len(calls) + 1) / len(calls),
            where="post",
            color=look[row.engine].line["color"],
            linestyle=_WEARS[turn] if row.strategy == "static" else _WEARS[1],
            label=named(row.where),
        )
        everything += [calls[0], calls[-1]]
    for share in (0.5, 0.9, 0.99):
        axes.axhline(share, color="#BBBBBB", linewidth=0.8, linestyle=":")
    plain_scale(axes, "x", everything, "latency of a call (ms)")
    axes.set_ylabel("share of calls that are as fast")
    axes.set_yticks([0, 0.25, 0.5, 0.75, 0.9, 0.99])
    legend(axes)
    return figure


def _rivals(verdicts: Verdicts) -> Sequence[Row]:
    """The recommended engine and those as accurate; where accuracy was not measured, the fastest
    of the largest size."""
    if verdicts.contests:
        contest = verdicts.contests[0]
        best = contest.recommended
        rows = [best, *(row for row in contest.near if row is not best)]
    else:
        rows = at_largest_size(useful(latest(finite(verdicts.rows))))
        rows.sort(key=lambda row: row.image_ms)
    return [row for row in finite(rows) if len(_calls_ms(row))][:_MOST]


def _calls_ms(row: Row) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Of rounds that nothing disturbed, or of all where none is so."""
    blocks = row.result.blocks
    sound = [block for block in blocks if block.valid] or blocks
    return np.array([ns / 1e6 for block in sound for ns in block.warm_ns])
