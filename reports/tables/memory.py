"""What engines take of main and GPU memory, as Markdown tables."""

from __future__ import annotations

import math
from collections.abc import Iterable

from reports.analysis.footprints import footprints
from reports.columns import COLUMNS, Row
from reports.tables.by_size import by_size
from reports.text.grid import grid, plain

_COLUMNS = ("open_peak_mib", "run_peak_mib", "rest_mib", "walk_mib")
NOTE = (
    "MiB of resident memory of a process that holds one engine and nothing else, median over "
    "processes: the peak while the engine was opened, the peak in the calls after that, what stays "
    "between calls, and what stays after calls at all sizes of a dynamic engine, for some runtimes "
    "keep memory for each. Of the higher peak, the last column came with the engine; the rest is "
    "the interpreter and libraries."
)
GPU_NOTE = (
    " GPU memory came with opening and running the engine, as the driver reports it for the "
    "process, CUDA's own included. In brackets: what the engine says it needs for weights, "
    "activations and scratch."
)


def memory_table(rows: Iterable[Row]) -> str:
    """A row per engine and size in MiB, the least of each size first; empty where the system
    reported no memory."""
    shown = [row for row in rows if not math.isnan(row.peak_mib)]
    shown.sort(key=lambda row: (row.size.pixels, row.peak_mib))
    known = [n for n in _COLUMNS if any(not math.isnan(getattr(row, n)) for row in shown)]
    headers = ["engine", "size (H×W)", *(COLUMNS[name].heading for name in known), "of the engine"]
    cells = [
        [
            plain(row.engine),
            row.text("size"),
            *(row.text(name) for name in known),
            f"+{row.text('engine_memory_mib')}",
        ]
        for row in shown
    ]
    return grid(headers, cells, texts=2) if cells else ""


ALL_SIZES_NOTE = (
    " All sizes: what one process holds between calls that serves each of them. A dynamic engine "
    "met them all, the first as named. Static engines together: what each added to a process of "
    "its own, and libraries once."
)


def all_sizes_table(rows: Iterable[Row]) -> str:
    """One engine for all sizes beside one per size, in MiB; empty where not both are known."""
    headers = (
        *("all sizes", "engines", "sizes"),
        *("smallest size first (MiB)", "largest size first (MiB)"),
    )
    cells = [
        [
            plain(one.engine),
            str(one.engines),
            str(one.sizes),
            f"{one.smallest_first_mib:.0f}",
            f"{one.largest_first_mib:.0f}",
        ]
        for one in footprints(rows)
    ]
    return grid(headers, cells, texts=1) if cells else ""


def gpu_memory_table(rows: Iterable[Row]) -> str:
    """MiB of GPU memory of that process, and what the engine was predicted to need."""
    known = (
        row for row in rows if not (math.isnan(row.gpu_mib) and math.isnan(row.gpu_predicted_mib))
    )
    column = COLUMNS["gpu_mib"]
    return by_size(
        f"{column.title}: measured (predicted) ({column.unit})",
        known,
        lambda row: f"{row.text('gpu_mib')} ({row.text('gpu_predicted_mib')})",
    )
