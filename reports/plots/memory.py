"""Memory of an engine's process against its input size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.choice.budget import memory_of
from reports.columns import Row
from reports.plots.axes import named
from reports.plots.multiples import Height, Line, over_sizes
from reports.plots.styles import Style


def memory_figure(rows: Iterable[Row], look: Mapping[str, Style]) -> Figure | None:
    """A line per engine; of one on a GPU, memory is the GPU's. None where none is known."""
    known = [row for row in rows if math.isfinite(memory_of(row))]
    if not known:
        return None
    return over_sizes(_title(known), known, look, _MEMORY)


def _memories(axes: Axes, name: str, line: Line) -> None:
    axes.plot(line.places, list(map(memory_of, line.rows)), **line.style.line, label=named(name))


_MEMORY = Height(label="peak memory (MiB)", of=memory_of, draw=_memories)


def _title(rows: Sequence[Row]) -> str:
    least, most = (end(rows, key=memory_of) for end in (min, max))
    low, high = (f"{memory_of(row):.0f} MiB" for row in (least, most))
    if low == high:
        return f"A process takes {low} with {'each engine' if rows[1:] else least.engine}"
    return f"{least.where} takes the least memory, {low}; {most.where} the most, {high}"
