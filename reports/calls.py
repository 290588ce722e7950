"""Cold start, the parts of a call and the way from picture to objects, as columns of a row."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from reports.text.words import times
from sizewise.core.trials import Cell, FirstCall, Part, Result, ShapeChange

PART_COLUMNS = {"host-to-device": "h2d_ms", "compute": "compute_ms", "device-to-host": "d2h_ms"}
"""The parts of a call that have a column, by their names in results."""
WAY_COLUMNS = {
    "read": "read_ms",
    "letterbox": "letterbox_ms",
    "engine": "engine_ms",
    "decode": "decode_ms",
    "whole": "end_to_end_ms",
}
"""The parts of the way from a picture to its objects, in order, and the whole of it."""


def call_columns(result: Result) -> dict[str, Any]:
    """The columns of an ``ok`` result. Each figure is the median over processes."""
    first_calls = result.first_calls
    changes = [first.change for first in first_calls if first.change]
    parts = _parts(result.parts)
    return {
        "load_ms": _median_ms(first.load_ns for first in first_calls),
        "first_call_ms": _median_ms(first.open_ns for first in first_calls),
        "other_shape": _other_shape(result.trial.cell, changes),
        "other_first_ms": _median_ms(change.first_ns for change in changes),
        "other_later_ms": _median_ms(
            statistics.median(change.later_ns) for change in changes if change.later_ns
        ),
        "return_ms": _median_ms(change.back_ns for change in changes),
        "other_reason": _reason(first_calls),
        "parts": parts,
        **{PART_COLUMNS[name]: ms for name, ms in parts if name in PART_COLUMNS},
        **{WAY_COLUMNS[n]: ms for n, ms in _parts(result.end_to_end) if n in WAY_COLUMNS},
    }


def _other_shape(cell: Cell, changes: Sequence[ShapeChange]) -> str:
    """The batch where the size is the same; each process changes to the same shape."""
    if not changes:
        return ""
    size, batch_size = changes[0].size, changes[0].batch_size
    return f"batch {batch_size}" if size == cell.size else times(size)


def _reason(first_calls: Iterable[FirstCall]) -> str:
    return next((first.change_reason for first in first_calls if first.change_reason), "")


def _parts(parts: Iterable[Part]) -> tuple[tuple[str, float], ...]:
    """Medians over processes of the medians in each."""
    found: dict[str, list[float]] = {}
    for part in parts:
        if part.latency_ns:
            found.setdefault(part.name, []).append(statistics.median(part.latency_ns))
    return tuple((name, _median_ms(medians)) for name, medians in found.items())


def _median_ms(values_ns: Iterable[float | None]) -> float:
    values = [value for value in values_ns if value is not None]
    return statistics.median(values) / 1e6 if values else math.nan
