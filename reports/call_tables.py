"""First calls, and what a call consists of, as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from reports.grid import grid, plain
from reports.phrases import where
from reports.tables import NONE, by_size
from reports.words import number, without_folders

FIRST_NOTE = (
    "Each from giving the engine its input to the end of the call, the median over processes; in "
    "brackets, how many times the median latency of the row that is."
)
PART_NOTE = (
    "Each part run by itself, to its end: the median, and in brackets its share of the parts' sum. "
    "A call may take less than its parts, for it need not wait between them."
)


def first_table(frame: pd.DataFrame) -> str:
    """Of the first call after opening an engine."""
    return _first(frame, "first_ms", "first call of all (ms), H×W")


def change_table(frame: pd.DataFrame) -> str:
    """Of the first call after one with another shape, of engines that take several."""
    return _first(frame, "change_ms", "first call after another shape (ms), H×W")


def change_failures(frame: pd.DataFrame) -> str:
    """A sentence for each engine that failed with another shape."""
    failed = frame[frame["change_reason"] != ""]
    return "\n".join(
        f"- {plain(where(row))}, after another shape: "
        f"{plain(without_folders(row['change_reason']))}"
        for _, row in failed.iterrows()
    )


def _first(frame: pd.DataFrame, column: str, title: str) -> str:
    return by_size(frame[frame[column].notna()], title, _against_median(column))


def _against_median(column: str) -> Callable[[pd.Series], str]:
    def cell(row: pd.Series) -> str:
        return f"{number(row[column])} ({number(row[column] / row['median_ms'], 2)}×)"

    return cell


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
