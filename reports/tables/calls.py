"""Cold start, tails, and what calls and the way from pictures to objects consist of, as Markdown
tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from reports.calls import PART_COLUMNS, WAY_COLUMNS
from reports.columns import COLUMNS, NONE, Row
from reports.text.grid import grid, plain
from reports.text.words import number, percent, without_folders

COLD_START_NOTE = (
    "Loading goes from the engine's files to an open engine, its library loaded before. Each call "
    "is timed from giving the engine its input to the end of the call. Figures are medians over "
    "processes. The brackets give the ratio to the median latency of the row, which "
    "does not include giving the input. At another shape, which the process had not met before, "
    "they give the ratio to later calls at that shape."
)
WAY_NOTE = (
    "From a picture's file to the objects in it, in ms, of a whole batch; medians over processes. "
    "Reading is file and decoding, letterbox is scaling to the input, the engine comes with copies "
    "there and back, and decoding makes objects of outputs, with NMS where the engine has none. So "
    "engines with and without NMS inside compare by the whole way only."
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
    opening = [row.text("load_ms"), _times(row, "first_call_ms", row.latency_ms)]
    if not row.other_shape:
        return [*opening, NONE, NONE]
    there = _times(row, "other_first_ms", row.other_later_ms)
    return [*opening, f"{row.other_shape}: {there}", _times(row, "return_ms", row.latency_ms)]


def _times(row: Row, column: str, of_ms: float) -> str:
    return f"{row.text(column)} ({number(getattr(row, column) / of_ms, 2)}×)"


def change_failures(rows: Iterable[Row]) -> str:
    """A sentence for each engine that failed at another shape."""
    return "\n".join(
        f"- {plain(row.where)}, at another shape: {plain(without_folders(row.other_reason))}"
        for row in rows
        if row.other_reason
    )


def way_table(rows: Iterable[Row]) -> str:
    """A row per engine and size: the way from a picture to its objects, and its parts."""
    shown = [row for row in rows if not math.isnan(row.end_to_end_ms)]
    *parts, whole = WAY_COLUMNS.values()
    headers = [COLUMNS[name].heading for name in (whole, *parts)]
    cells = [
        [plain(row.engine), row.text("size"), *(row.text(name) for name in (whole, *parts))]
        for row in shown
    ]
    return grid(["engine", "size (H×W)", *headers], cells, texts=2) if cells else ""


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
