"""Memory of an engine's process against its input size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

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
    least, most = (end(known, key=memory_of) for end in (min, max))
    figure, axes = canvas(
        f"{least.where} takes the least memory, {memory_of(least):.0f} MiB; "
        f"{most.where} the most, {memory_of(most):.0f} MiB"
    )
    place = positions(known)
    for engine, line in grouped(by_pixels(known), lambda row: row.engine).items():
        points = [place[row.size] for row in line], list(map(memory_of, line))
        axes.plot(*points, **look[engine].line, label=named(engine))
    size_axis(axes, known)
    plain_scale(axes, "y", map(memory_of, known), "peak memory (MiB)")
    legend(axes)
    return figure
