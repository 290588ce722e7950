"""Seconds and bytes of builds for more and more sizes, and where one engine for all breaks even."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from matplotlib.figure import Figure

from reports.analysis.builds import build_totals
from reports.columns import Row
from reports.plots.axes import GREY, legend, named, panels
from reports.plots.styles import Style
from reports.rows.grouping import by_pixels, grouped
from reports.text.words import counted, listed

_PANELS = {"build_s": "build time (s)", "file_mib": "engines on disk (MiB)"}


def builds_figure(rows: Iterable[Row], look: Mapping[str, Style]) -> Figure | None:
    """A line per engine name in two panels: static engines add up, size by size. None where
    nothing was built."""
    lines = grouped(by_pixels(r for r in rows if r.result.builds), lambda row: row.engine)
    known = {engine: one for engine, one in lines.items() if _is_finite(one)}
    if not known:
        return None
    figure, axes = panels(_title(known), across=len(_PANELS))
    for panel, (column, label) in zip(axes, _PANELS.items(), strict=True):
        for engine, line in known.items():
            values = cumulative(line, column)
            steps = range(1, len(values) + 1)
            panel.plot(steps, values, **look[engine].line, label=named(engine))
        most = max(map(len, known.values()))
        panel.set_xticks(range(1, most + 1, math.ceil(most / 10)))
        panel.set_xlabel("sizes served, the smallest first")
        panel.set_ylabel(label)
        panel.set_ylim(bottom=0)
        panel.spines["bottom"].set_color(GREY)
    legend(axes[0])
    return figure


def cumulative(rows: Sequence[Row], column: str) -> list[float]:
    """What serving the first, the first two, … sizes takes: sums of static engines; of one that
    serves several sizes, what it takes alone."""
    values = [float(getattr(row, column)) for row in rows]
    if rows[0].strategy == "static":
        return list(accumulate(values))
    (total,) = build_totals(rows)
    return [float(getattr(total, column))] * len(rows)


def break_even(static: Sequence[float], dynamic: float) -> int | None:
    """The number of sizes from which on static engines take more; None where they never do."""
    return next((n for n, value in enumerate(static, start=1) if value > dynamic), None)


def _is_finite(rows: Iterable[Row]) -> bool:
    return all(math.isfinite(v) for row in rows for v in (row.build_s, row.file_mib))


def _title(lines: Mapping[str, Sequence[Row]]) -> str:
    said: dict[str, list[str]] = {}
    for family, group in grouped(lines.values(), lambda rows: rows[0].family).items():
        by_strategy = {rows[0].strategy: rows for rows in group}
        if {"static", "dynamic"} <= set(by_strategy):
            static, (dynamic, *_) = (
                cumulative(by_strategy[one], "build_s") for one in ("static", "dynamic")
            )
            count = break_even(static, dynamic)
            when = "never" if count is None else f"from {counted(count, 'size')} on"
            said.setdefault(when, []).append(family)
    if not said:
        return "What building takes for more and more sizes"
    parts = (f"{when} in {listed(families)}" for when, families in said.items())
    return f"One dynamic engine builds faster than static ones: {listed(parts)}"
