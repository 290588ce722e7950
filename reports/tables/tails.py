"""The slow calls, and the rate that calls without a pause sustain, as a Markdown table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.columns import COLUMNS, NONE, Row
from reports.rows.grouping import measured_of
from reports.text.grid import grid, plain
from reports.text.verdicts import LEFT_OUT, processes
from reports.text.words import measured
from sizewise.core.stats import CALLS_FOR_P90, CALLS_FOR_P99

_COLUMNS = (
    ("latency_ms", "latency_low_ms", "latency_high_ms"),
    ("latency_p90_ms", "latency_p90_low_ms", "latency_p90_high_ms"),
    ("latency_p99_ms", "latency_p99_low_ms", "latency_p99_high_ms"),
    ("images_per_s", "images_low_per_s", "images_high_per_s"),
)
"""A figure, and the ends of its interval."""


def tail_table(rows: Iterable[Row]) -> str:
    """A row per engine and size, the fastest of each size first: median, p90, p99 and images per
    second, with intervals, and how many calls and processes they are made of."""
    cells = [
        [
            plain(row.engine),
            row.text("size"),
            row.text("latency_width"),
            *(_cell(row, *names) for names in _COLUMNS),
            f"{row.calls:,}",
            processes(row.processes, row.left_out),
        ]
        for row in sorted(measured_of(rows), key=lambda row: (row.size.pixels, row.image_ms))
    ]
    headers = [COLUMNS[point].heading for point, _, _ in _COLUMNS]
    width, *counts = (COLUMNS[name].title for name in ("latency_width", "calls", "processes"))
    return grid(["engine", "size (H×W)", width, *headers, *counts], cells, texts=2) if cells else ""


def note(rows: Sequence[Row]) -> str:
    """How few calls there are where figures are missing, and why processes are left out."""
    shown = measured_of(rows)
    text = (
        "Half-width: of the interval of the median, as a share of it (the root of its upper over "
        "its lower end, less 1). Sustained rate: images over the mean time of a call, not over its "
        "median."
    )
    if any(row.left_out for row in shown):
        text += f" {LEFT_OUT}"
    if all(row.calls >= CALLS_FOR_P99 for row in shown):
        return text
    return (
        f"{text} –: not measured, for a p90 needs {CALLS_FOR_P90} warm calls and a p99 "
        f"{CALLS_FOR_P99}; a higher rigor, or more time (--max-minutes), has more."
    )


def _cell(row: Row, point: str, low: str, high: str) -> str:
    if row.text(point) == NONE:
        return NONE
    return measured(*(float(getattr(row, name)) for name in (point, low, high)), digits=3)
