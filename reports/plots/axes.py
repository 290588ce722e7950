"""What the plots have in common: canvas, axes, legend, labels that don't overlap."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from reports.columns import Row
from reports.rows.grouping import sizes_of
from reports.text.words import times
from sizewise.core.specs import Size

Points = Sequence[tuple[float, float]]
Values = Sequence[tuple[float, float, float]]
"""Points with the ends of their intervals, NaN where there is no interval."""
GREY = "#666666"
SIZE_LABEL = "input size (H×W, pixels)"
DISTURBED = "disturbed"
FRONT = "Pareto front"
UNDECIDED = "pale: not decided"
BAND = "the same: within"
_NO_ENGINES = (BAND, FRONT, UNDECIDED, DISTURBED)
"""How the names in a legend begin that are of no engine."""
_TICKS = 12
_LONGEST_NAME = 40
_MOST_NAMES = 20
_LOG_FROM = 3
"""The ratio of largest to smallest value from which on a scale is logarithmic."""


def canvas(title: str) -> tuple[Figure, Axes]:
    """One panel of 8 × 4.5 inches."""
    figure, (axes,) = panels(title)
    return figure, axes


def panels(title: str, down: int = 1, across: int = 1) -> tuple[Figure, list[Axes]]:
    """Panels under one title, those of a column with one horizontal axis."""
    figure = Figure(figsize=(8, 4.5 + 1.5 * (down - 1)), layout="constrained")
    grid = figure.subplots(down, across, sharex="col", squeeze=False)
    found = [axes for row in grid for axes in row]
    for axes in found:
        axes.grid(visible=True, color="#E0E0E0", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(0.08)
    if across == 1:
        found[0].set_title(_folded(title), loc="left", fontsize=11, parse_math=False)
    else:
        figure.suptitle(_folded(title), x=0.01, ha="left", fontsize=11, parse_math=False)
    return figure, found


def title_of(figure: Figure) -> str:
    """What a plot says, in one line."""
    title = figure.get_suptitle() or figure.axes[0].get_title(loc="left")
    return " ".join(title.split())


def _folded(title: str) -> str:
    return textwrap.fill(title, 78, max_lines=4, placeholder=" …")


def finite(rows: Iterable[Row]) -> list[Row]:
    """Those with a latency that can be drawn."""
    return [row for row in rows if math.isfinite(row.latency_ms) and row.latency_ms > 0]


def positions(rows: Iterable[Row]) -> dict[Size, float]:
    """The place of each size on an axis: its side where all are square, else its rank."""
    sizes = sizes_of(rows)
    if all(size.height == size.width for size in sizes):
        return {size: float(size.width) for size in sizes}
    return {size: float(rank) for rank, size in enumerate(sizes)}


def size_axis(axes: Axes, rows: Iterable[Row]) -> None:
    """A tick at every size there is, or at every second, third, … of many."""
    places = positions(rows)
    every = math.ceil(len(places) / _TICKS) or 1
    chosen = dict(list(places.items())[::every])
    axes.set_xticks(list(chosen.values()), list(map(times, chosen)))
    axes.tick_params(axis="x", labelrotation=30 if len(chosen) > 6 else 0)
    axes.set_xlabel(SIZE_LABEL)


def plain_scale(axes: Axes, which: Literal["x", "y"], values: Iterable[float], label: str) -> None:
    """Logarithmic with ticks at 1, 2 and 5 where ``values`` span much; linear otherwise."""
    known = [value for value in values if math.isfinite(value)]
    wide = bool(known) and min(known) > 0 and max(known) / min(known) > _LOG_FROM
    axis = axes.xaxis if which == "x" else axes.yaxis
    if wide:
        axes.set(**{f"{which}scale": "log"})
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_label_text(f"{label}, log scale" if wide else label)


def cross_out(axes: Axes, points: Points, disturbed: Sequence[bool]) -> None:
    """A cross on every disturbed point."""
    crossed = [point for point, is_so in zip(points, disturbed, strict=True) if is_so]
    if crossed:
        x, y = zip(*crossed, strict=True)
        axes.plot(x, y, "x", color="black", markersize=9, zorder=3, label=DISTURBED)


def exactly(value: float) -> tuple[float, float, float]:
    """A value without an interval, as ``Values`` have it."""
    return value, math.nan, math.nan


def error_bars(axes: Axes, x: Values, y: Values, **look: Any) -> None:
    """Points with the intervals that they have, in both directions."""
    bars: dict[str, Any] = {}
    for name, values in (("xerr", x), ("yerr", y)):
        point, low, high = _drawable(values).T
        if not np.isnan(low).all():
            # An interval by bootstrap may lie to one side of its point.
            bars[name] = np.maximum([point - low, high - point], 0)
    axes.errorbar(_drawable(x)[:, 0], _drawable(y)[:, 0], **bars, **look)


def _drawable(values: Values) -> NDArray[np.float64]:
    """NaN, which is not drawn, in place of infinities."""
    known = np.array(values, np.float64)
    return np.where(np.isfinite(known), known, np.nan)


def named(engine: str, most: int = _LONGEST_NAME) -> str:
    """A label that a legend shows: it leaves out those that begin with an underscore. A long name
    loses its middle: its ends tell it from others."""
    if len(engine) > most:
        half = most // 2
        engine = f"{engine[:half]}…{engine[-half:]}"
    return f" {engine}" if engine.startswith("_") else engine


def legend(axes: Axes, *others: Axes, more: str = "") -> None:
    """Add a legend beside the panels: each name once, those of no engine last, and of many engines
    the first. ``more`` says what else is not drawn."""
    entries = [one.get_legend_handles_labels() for one in (axes, *others)]
    unique = {
        name: handle
        for handles, names in entries
        for name, handle in zip(names, handles, strict=True)
    }
    engines = [name for name in unique if not name.startswith(_NO_ENGINES)]
    rest = [name for name in unique if name.startswith(_NO_ENGINES)]
    names = [*engines[:_MOST_NAMES], *rest]
    handles = [unique[name] for name in names]
    if len(engines) > _MOST_NAMES:
        more = f"and {len(engines) - _MOST_NAMES} more: see the tables"
    if more:
        names.append(more)
        handles.append(Line2D([], [], linestyle="none"))
    shown = axes.figure.legend(
        handles, names, loc="outside right center", frameon=False, fontsize=9
    )
    for text in shown.get_texts():
        text.set_parse_math(False)


def label_points(
    figure: Figure, axes: Axes, points: Sequence[tuple[float, float, str]], others: Points
) -> None:
    """Write each label beside its point where it covers neither another nor any of ``others``.

    A label that finds no free place is left out: a reader has the table.
    """
    figure.draw_without_rendering()
    taken = [_around(axes.transData.transform(point)) for point in others]
    for x, y, text in points:
        for note in _tries(axes, x, y, text):
            box = note.get_window_extent()
            if not any(box.overlaps(other) for other in taken) and _inside(axes, box):
                taken.append(box)
                break
            note.remove()


_PLACES = ((-5, 4, "right", "bottom"), (0, 7, "center", "bottom"), (5, -4, "left", "top"))
"""Offset in points and alignment: above left, above, below right."""


def _tries(axes: Axes, x: float, y: float, text: str) -> Iterator[Annotation]:
    for dx, dy, horizontal, vertical in _PLACES:
        note = axes.annotate(
            text,
            (x, y),
            (dx, dy),
            textcoords="offset points",
            ha=horizontal,
            va=vertical,
            fontsize=8,
            color=GREY,
        )
        note.set_in_layout(False)
        yield note


def _around(point: NDArray[np.float64], radius: float = 4) -> Bbox:
    return Bbox.from_extents(*(point - radius), *(point + radius))


def _inside(axes: Axes, box: Bbox) -> bool:
    frame = axes.get_window_extent()
    return bool(frame.x0 <= box.x0 and box.x1 <= frame.x1 and box.y1 <= frame.y1)
