"""Cold start, and what a call consists of, as Markdown tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from reports.columns import COLUMNS, NONE, Row
from reports.rows.calls import PART_COLUMNS
from reports.text.grid import grid, plain
from reports.text.words import measured, number, percent, without_folders
from sizewise.core.stats import CONFIDENCE, FEW_PROCESSES

COLD_START_NOTE = (
    "Loading goes from the engine's files, whose SHA-256 is checked, to an open engine, its "
    "library loaded before. Each call is timed from giving the engine its input to the end of the "
    "call. Figures are geometric means over processes; in brackets their "
    f"{percent(CONFIDENCE)} interval, which needs {FEW_PROCESSES} processes. ×: the ratio to the "
    "median latency of the row, which does not include giving the input. At another shape, which "
    "the process had not met before, it is the ratio to later calls at that shape."
)
PART_NOTE = (
    "H2D copies the inputs to the GPU, D2H copies the outputs back. Each part was run by itself, "
    "to its end. Figures are medians, and in brackets the share in the sum of all parts. A call "
    "can take less than its parts together, because they can overlap."
)


def cold_start_table(rows: Iterable[Row]) -> str:
    """A row per engine and size. Where any engine takes several shapes: the first call at another
    one, and the first one back."""
    shown = [row for row in rows if not math.isnan(row.first_call_ms)]
    first, back = COLUMNS["first_call_ms"], COLUMNS["return_ms"]
    headers = [COLUMNS["load_ms"].heading, first.heading]
    if any(row.other_shape for row in shown):
        headers += [f"at another shape ({first.unit})", back.heading]
    cells = [[plain(row.engine), row.text("size"), *_cells(row)[: len(headers)]] for row in shown]
    return grid(["engine", "size (H×W)", *headers], cells, texts=2) if cells else ""


def _cells(row: Row) -> list[str]:
    opening = [_known(row, "load"), _times(row, "first_call", row.latency_ms)]
    if not row.other_shape:
        return [*opening, NONE, NONE]
    there = _times(row, "other_first", row.other_later_ms)
    return [*opening, f"{row.other_shape}: {there}", _times(row, "return", row.latency_ms)]


def _times(row: Row, name: str, of_ms: float) -> str:
    return f"{_known(row, name)}, {number(getattr(row, f'{name}_ms') / of_ms, 2)}×"


def _known(row: Row, name: str) -> str:
    """``6.25 (5.58–7.00)``, or without brackets where there is no interval. A wide one is far
    from even about its point, so half of its width would not tell it."""
    point, low, high = (getattr(row, f"{name}{end}_ms") for end in ("", "_low", "_high"))
    return row.text(f"{name}_ms") if math.isnan(point) else measured(point, low, high, digits=3)


def change_failures(rows: Iterable[Row]) -> str:
    """A sentence for all that failed beside the calls of an engine."""
    return "\n".join(
        f"- {plain(row.where)}, {plain(without_folders(why))}"
        for row in rows
        for why in _failures(row)
    )


def _failures(row: Row) -> Sequence[str]:
    there = f"at another shape: {row.other_reason}"
    return (there, *row.beside_reasons) if row.other_reason else row.beside_reasons


def part_table(rows: Iterable[Row]) -> str:
    """A row per engine and size, a column per part."""
    shown = [row for row in rows if row.parts]
    names = list(dict.fromkeys(name for row in shown for name, _ in row.parts))
    headers = ["engine", "size (H×W)", *map(_heading, names)]
    cells = [[plain(row.engine), row.text("size"), *_part_cells(row, names)] for row in shown]
    return grid(headers, cells, texts=2) if cells else ""


def _heading(part: str) -> str:
    """That of the part's column; a back end may have parts without one."""
    column = PART_COLUMNS.get(part)
    return COLUMNS[column].heading if column else f"{plain(part)} (ms)"


def _part_cells(row: Row, names: Sequence[str]) -> list[str]:
    known = dict(row.parts)
    total = sum(known.values()) or 1.0
    return [
        f"{number(known[name])} ({percent(known[name] / total)})" if name in known else NONE
        for name in names
    ]
