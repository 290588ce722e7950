"""First calls, and what a call consists of, as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from reports.findings.phrases import where
from reports.tables.by_size import NONE
from reports.text.grid import grid, plain
from reports.text.words import number, without_folders

FIRSTS = ("after opening (ms)", "at another shape (ms)", "back again (ms)")
FIRST_NOTE = (
    "Each from giving the engine its input to the end of the call, the median over processes. In "
    "brackets: times the median latency of the row, which is without giving the input; at another "
    "shape, one that the process had not met, times a later call there."
)
PART_NOTE = (
    "Each part run by itself, to its end: the median, and in brackets its share of the parts' sum. "
    "A call may take less than its parts, for it need not wait between them."
)


def first_table(frame: pd.DataFrame) -> str:
    """A row per engine and size: after opening and, where any engine takes several shapes, at
    another one and back."""
    rows = [row for _, row in frame[frame["first_ms"].notna()].iterrows()]
    shown = FIRSTS if any(row["other_shape"] for row in rows) else FIRSTS[:1]
    headers = ["engine", "size (H×W)", *shown]
    cells = [[plain(row["engine"]), row["size"], *_first_cells(row)[: len(shown)]] for row in rows]
    return grid(headers, cells, texts=2) if rows else ""


def change_failures(frame: pd.DataFrame) -> str:
    """A sentence for each engine that failed at another shape."""
    failed = frame[frame["change_reason"] != ""]
    return "\n".join(
        f"- {plain(where(row))}, at another shape: {plain(without_folders(row['change_reason']))}"
        for _, row in failed.iterrows()
    )


def _first_cells(row: pd.Series) -> list[str]:
    opening = _times(row["first_ms"], row["median_ms"])
    if not row["other_shape"]:
        return [opening, NONE, NONE]
    there = _times(row["other_ms"], row["later_ms"])
    back = _times(row["back_ms"], row["median_ms"])
    return [opening, f"{row['other_shape']}: {there}", back]


def _times(ms: float, of_ms: float) -> str:
    return f"{number(ms)} ({number(ms / of_ms, 2)}×)"


def part_table(frame: pd.DataFrame) -> str:
    """A row per engine and size, a column per part."""
    rows = [row for _, row in frame[frame["parts"].map(len) > 0].iterrows()]
    names = list(dict.fromkeys(name for row in rows for name, _ in row["parts"]))
    headers = ["engine", "size (H×W)", *(f"{plain(name)} (ms)" for name in names)]
    cells = [[plain(row["engine"]), row["size"], *_part_cells(row, names)] for row in rows]
    return grid(headers, cells, texts=2) if rows else ""


def _part_cells(row: pd.Series, names: Iterable[str]) -> list[str]:
    known = dict(row["parts"])
    total = sum(known.values()) or 1.0
    return [
        f"{number(known[name])} ({known[name] / total:.0%})" if name in known else NONE
        for name in names
    ]
