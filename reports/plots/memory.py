"""Memory of an engine's process against its input size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from matplotlib.figure import Figure

from reports.choice.budget import memory_of
from reports.columns import Row
from reports.plots.axes import canvas, legend, named, plain_scale, positions, size_axis
from reports.plots.styles import Style
from reports.rows.grouping import by_pixels, grouped


def memory_figure(rows: Iterable[Row], look: Mapping[str, Style]) -> Figure | None:
    """A line per engine; of one on a GPU, memory is the GPU's. None where none is known."""
    known = [row for row in rows if math.isfinite(memory_of(row))]
    if not known:
        return None
    figure, axes = canvas(_title(known))
    place = positions(known)
    for engine, line in grouped(by_pixels(known), lambda row: row.engine).items():
        points = [place[row.size] for row in line], list(map(memory_of, line))
        axes.plot(*points, **look[engine].line, label=named(engine))
    size_axis(axes, known)
    plain_scale(axes, "y", map(memory_of, known), "peak memory (MiB)")
    legend(axes)
    return figure


def _title(rows: Sequence[Row]) -> str:
    least, most = (end(rows, key=memory_of) for end in (min, max))
    low, high = (f"{memory_of(row):.0f} MiB" for row in (least, most))
    if low == high:
        return f"A process takes {low} with {'each engine' if rows[1:] else least.engine}"
    return f"{least.where} takes the least memory, {low}; {most.where} the most, {high}"
