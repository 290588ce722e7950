"""Many engines over the sizes, in panels of few lines each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.columns import Row
from reports.plots.axes import (
    SIZE_LABEL,
    canvas,
    legend,
    named,
    panels,
    plain_scale,
    positions,
    size_axis,
)
from reports.plots.styles import OKABE_ITO, Style, styles
from reports.rows.grouping import by_pixels, grouped
from reports.rows.labels import OF_MODEL, label_engines
from reports.text.words import counted
from sizewise.core.specs import Size

_APART_BY: dict[tuple[str, ...], Callable[[Row], str]] = {
    OF_MODEL: lambda row: row.mode,
    ("precision",): lambda row: row.precision,
    ("backend",): lambda row: row.backend,
}
"""Columns with a panel for each of their values, and its title. The first ones are taken that
leave few enough engines in each."""
_MOST_LINES = len(OKABE_ITO)
_MOST_PANELS = 12


@dataclass(frozen=True, kw_only=True)
class Line:
    """One engine over its sizes: its ``places`` on their axis, and its looks."""

    rows: Sequence[Row]
    places: Sequence[float]
    style: Style


@dataclass(frozen=True, kw_only=True)
class Height:
    """The height of a row, its ``label`` with the unit, and what draws a line with a name."""

    label: str
    of: Callable[[Row], float]
    draw: Callable[[Axes, str, Line], None]


def over_sizes(
    title: str, rows: Sequence[Row], look: Mapping[str, Style], height: Height
) -> Figure:
    """A line per engine over the sizes, in one panel or, of more than seven engines, in one for
    each model, precision or back end, where the same colour is the same setting. Heights of
    panels differ. Of more than twelve panels, the first are drawn."""
    place, parts = positions(rows), apart(rows)
    if len(parts) < 2:
        figure, axes = canvas(title)
        _draw(axes, rows, place, look, height)
        size_axis(axes, rows)
        legend(axes)
        return figure
    look = styles(row for own in parts.values() for row in own)
    shown = dict(list(parts.items())[:_MOST_PANELS])
    figure, grid = _tiles(title, len(shown))
    for axes, (name, own) in zip(grid, shown.items(), strict=True):
        _draw(axes, own, place, look, height)
        size_axis(axes, rows)
        axes.set(xlabel="", ylabel="")
        axes.tick_params(axis="x", labelrotation=60, labelsize=8)
        axes.tick_params(axis="y", which="both", labelsize=8)
        axes.set_title(named(name), loc="left", fontsize=9, parse_math=False)
    figure.supxlabel(SIZE_LABEL, fontsize="medium")
    figure.supylabel(height.label, fontsize="medium")
    left = len(parts) - len(shown)
    legend(*grid, more=f"and {counted(left, 'panel')} more:\nsee the tables" if left else "")
    return figure


def _tiles(title: str, count: int) -> tuple[Figure, list[Axes]]:
    """``count`` panels, at most three beside each other."""
    across = 2 if count in (2, 4) else 3
    figure, grid = panels(title, down=math.ceil(count / across), across=across)
    for axes in grid[count:]:
        axes.remove()
    for axes in grid[max(count - across, 0) : count]:
        axes.tick_params(axis="x", labelbottom=True)
    return figure, grid[:count]


def apart(rows: Sequence[Row]) -> Mapping[str, Sequence[Row]]:
    """The rows of each panel by its title, with names of engines that leave out what it says; one
    panel without a title where few are drawn, or where no column takes them apart."""
    if len({row.engine for row in rows}) > _MOST_LINES:
        for columns, title in _APART_BY.items():
            titles = list(map(title, rows))
            pairs = zip(titles, label_engines(rows, without=columns), strict=True)
            groups = grouped(pairs, lambda one: one[0])
            parts = {name: [row for _, row in own] for name, own in groups.items()}
            if parts.keys() != {""} and max(map(_lines, parts.values())) <= _MOST_LINES:
                return parts
    return {"": rows}


def _lines(rows: Sequence[Row]) -> int:
    return len({row.engine for row in rows})


def _draw(
    axes: Axes,
    rows: Sequence[Row],
    place: Mapping[Size, float],
    look: Mapping[str, Style],
    height: Height,
) -> None:
    for engine, own in grouped(by_pixels(rows), lambda row: row.engine).items():
        places = [place[row.size] for row in own]
        height.draw(axes, engine, Line(rows=own, places=places, style=look[engine]))
    plain_scale(axes, "y", map(height.of, rows), height.label)
