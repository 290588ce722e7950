"""The plots of a sweep, each with a title that says what is seen in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.analysis.fusions import compare_modes
from reports.analysis.judged import Judged
from reports.analysis.useful import useful, why_none
from reports.analysis.verdicts import Verdicts
from reports.columns import Row
from reports.plots.accuracy import accuracy_figure
from reports.plots.axes import cross_out, error_bars, exactly, finite, named
from reports.plots.builds import builds_figure
from reports.plots.ecdf import ecdf_figure
from reports.plots.fusion import fusion_figure
from reports.plots.losses import loss_figure
from reports.plots.machine import machine_figure
from reports.plots.memory import memory_figure
from reports.plots.multiples import Height, Line, over_sizes
from reports.plots.ratio import ratio_figure
from reports.plots.styles import Style, styles
from reports.rows.grouping import comparable, grouped, latest
from reports.text.verdicts import change, details
from reports.text.words import listed


def draw(verdicts: Verdicts) -> dict[str, Figure]:
    """File name → plot; those for which there are figures."""
    look = styles(verdicts.rows)
    rows = finite(verdicts.rows)
    modes = compare_modes(verdicts.rows)
    plots: dict[str, Figure | None] = {
        "latency.png": latency_figure(verdicts, look) if rows else None,
        "ecdf.png": ecdf_figure(verdicts, look),
        "dynamic.png": ratio_figure(verdicts, look) if verdicts.pairs else None,
        **_accuracies(verdicts, look),
        "losses.png": loss_figure(verdicts.contests, look),
        "fusions.png": fusion_figure(modes),
        "memory.png": memory_figure(rows, look),
        "builds.png": builds_figure(verdicts.rows, look),
        "machine.png": machine_figure(rows),
    }
    return {name: plot for name, plot in plots.items() if plot is not None}


def _accuracies(verdicts: Verdicts, look: Mapping[str, Style]) -> dict[str, Figure]:
    return {
        f"accuracy{number or ''}.png": accuracy_figure(contest, verdicts, look)
        for number, contest in enumerate(verdicts.contests)
        if finite(contest.rows)
    }


def latency_figure(
    verdicts: Verdicts, look: Mapping[str, Style], rows: Sequence[Row] | None = None
) -> Figure:
    """A line per engine over the sizes, with 95 % intervals: of all rows or of some, which are
    judged as among all. Many engines are drawn in panels."""
    rows = finite(verdicts.rows if rows is None else rows)
    return over_sizes(_latency_title(rows, verdicts), rows, look, _LATENCY)


def _latencies(axes: Axes, name: str, line: Line) -> None:
    heights = [(row.latency_ms, row.latency_low_ms, row.latency_high_ms) for row in line.rows]
    x = list(map(exactly, line.places))
    error_bars(axes, x, heights, **line.style.line, label=named(name), capsize=2)
    points = [(x, row.latency_ms) for x, row in zip(line.places, line.rows, strict=True)]
    cross_out(axes, points, [row.disturbed for row in line.rows])


_LATENCY = Height(label="latency per call (ms)", of=lambda row: row.latency_ms, draw=_latencies)


def _latency_title(rows: Sequence[Row], verdicts: Verdicts) -> str:
    """The engine that is the fastest at most sizes, where every other one is shown to be slower,
    with its least lead. Engines of no use are left out."""
    newest = useful(latest(rows))
    engines = {row.engine for row in newest or rows}
    if len(engines) == 1:
        return f"Latency of {engines.pop()}"
    if not newest:
        return why_none(latest(rows))
    groups = list(grouped(newest, comparable).values())
    leads = [lead for group in groups if (lead := _lead(group, verdicts)) is not None]
    if not leads:
        return "No engine is shown to be the fastest"
    ((best, own), *_) = sorted(
        grouped(leads, lambda lead: lead[0]).items(), key=lambda item: -len(item[1])
    )
    place = _place(newest)
    where = f"{len(own)} of {len(groups)} {place}"
    if len(own) == len(groups):
        where = f"all {len(groups)} {place}" if groups[1:] else newest[0].text("size")
    least = min((judged for _, judged in own), key=lambda judged: judged.ratio.ratio)
    by = f"{change(least.ratio.ratio)} latency ({', '.join(details(least))})"
    return f"{best} is the fastest at {where}; the next has {by}{' or more' if own[1:] else ''}"


def _place(rows: Sequence[Row]) -> str:
    """What rows of one group have in common, in words."""
    apart = {
        "sizes": True,
        "batches": len({row.batch_size for row in rows}) > 1,
        "places of NMS": len({row.nms for row in rows}) > 1,
    }
    return listed(word for word, differs in apart.items() if differs)


def _lead(group: Sequence[Row], verdicts: Verdicts) -> tuple[str, Judged] | None:
    """The engine that beats all others of ``group``, and what the next is held against it; None
    where none is shown to."""
    best = verdicts.ratios.fastest(group)
    others = [verdicts.of(row, best) for row in group if row is not best]
    if not others or any(judged.verdict != "SLOWER" for judged in others):
        return None
    return best.engine, min(others, key=lambda judged: judged.ratio.ratio)
