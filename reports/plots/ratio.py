"""The plot of what one engine for many sizes costs against one for each size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.analysis.judged import Judged
from reports.analysis.pairs import Pair, by_backend, by_engine
from reports.analysis.verdicts import Verdicts
from reports.columns import Row
from reports.plots.axes import (
    BAND,
    GREY,
    UNDECIDED,
    cross_out,
    error_bars,
    exactly,
    finite,
    legend,
    named,
    panels,
    plain_scale,
    positions,
    size_axis,
)
from reports.plots.styles import Style
from reports.rows.grouping import by_pixels, grouped
from reports.text.verdicts import details, margin, price
from reports.text.words import listed
from sizewise.core.specs import Size
from sizewise.core.stats import Rigor

_PALE = 0.35


def ratio_figure(verdicts: Verdicts, look: Mapping[str, Style]) -> Figure:
    """Latency of engines for many sizes and of the static ones over the sizes; below, the former
    against the latter in percent more or less, what is not decided pale."""
    figure, (above, below) = panels(_ratio_title(verdicts), down=2)
    rows = finite({row: None for pair in verdicts.pairs for row in (pair.row, pair.static)})
    place = positions(rows)
    _latencies(above, rows, place, look)
    _ratios(below, verdicts, place, look)
    size_axis(below, rows)
    legend(above, below)
    return figure


def _latencies(
    axes: Axes, rows: Sequence[Row], place: Mapping[Size, float], look: Mapping[str, Style]
) -> None:
    for engine, line in grouped(by_pixels(rows), lambda row: row.engine).items():
        sides = [place[row.size] for row in line]
        axes.plot(sides, [row.latency_ms for row in line], **look[engine].line, label=named(engine))
    plain_scale(axes, "y", [row.latency_ms for row in rows], "latency (ms)")


def _ratios(
    axes: Axes, verdicts: Verdicts, place: Mapping[Size, float], look: Mapping[str, Style]
) -> None:
    engines = by_engine(pair for pair in verdicts.pairs if pair.row.size in place)
    shifts = _shifts(place.values(), len(engines))
    for (engine, own), shift in zip(engines.items(), shifts, strict=True):
        for decided in (True, False):
            shown = [pair for pair in own if pair.judged.decided == decided]
            _draw(axes, shown, [place[p.row.size] + shift for p in shown], look[engine], decided)
    axes.axhline(0, color=GREY, linewidth=1)
    band, label = 100 * verdicts.rigor.margin, f"{BAND} {margin(verdicts.rigor)}"
    axes.axhspan(-band, band, color=GREY, alpha=0.12, linewidth=0, label=label)
    axes.set_ylabel("against static (%)")


def _draw(
    axes: Axes, pairs: Sequence[Pair], sides: Sequence[float], style: Style, decided: bool
) -> None:
    if not pairs:
        return
    alpha = 1.0 if decided else _PALE
    values = [_percents(pair) for pair in pairs]
    error_bars(axes, list(map(exactly, sides)), values, **style.dot, alpha=alpha, capsize=2)
    if not decided:
        axes.plot([], [], "o", color=GREY, alpha=_PALE, label=UNDECIDED)
    points = [(side, point) for side, (point, _, _) in zip(sides, values, strict=True)]
    cross_out(axes, points, [pair.judged.ratio.disturbed for pair in pairs])


def _ratio_title(verdicts: Verdicts) -> str:
    groups = by_backend(verdicts.pairs).items()
    costs = [_cost(verdicts.mean(pairs), name, verdicts.rigor) for name, pairs in groups]
    if not costs:
        return "Latency of engines for many sizes compared with one static engine per size"
    return f"One dynamic engine instead of one static engine per size: {listed(costs)}"


def _cost(judged: Judged, backend: str, rigor: Rigor) -> str:
    return f"{price(judged, rigor)} ({', '.join(details(judged))}) in {backend}"


def _percents(pair: Pair) -> tuple[float, float, float]:
    ratio = pair.judged.ratio
    point, low, high = (
        math.nan if end is None else 100 * (end - 1) for end in (ratio.ratio, ratio.low, ratio.high)
    )
    return point, low, high


def _shifts(places: Iterable[float], count: int) -> list[float]:
    """Sideways steps that keep the bars of one size apart and those of two sizes together."""
    gaps = np.diff(sorted(places))
    step = min(gaps, default=1.0) / (count + 2)
    return [step * (number - (count - 1) / 2) for number in range(count)]
