"""First calls and the parts of a call, as figures of a row."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from sizewise.core.trials import Cell, FirstCall, Result, ShapeChange


def call_figures(result: Result) -> dict[str, Any]:
    """Milliseconds, medians over processes: ``first_ms`` of the first call of all, ``other_ms`` of
    the first one at ``other_shape``, ``later_ms`` of later ones there and ``back_ms`` of the first
    one back; ``parts`` as pairs of name and median. NaN, and nothing, where they were not measured
    or the result is not ``ok``."""
    first_calls = result.first_calls if result.status == "ok" else ()
    changes = [first.change for first in first_calls if first.change]
    return {
        "first_ms": _median_ms(first.open_ns for first in first_calls),
        "other_shape": _other_shape(result.trial.cell, changes),
        "other_ms": _median_ms(change.first_ns for change in changes),
        "later_ms": _median_ms(
            statistics.median(change.later_ns) for change in changes if change.later_ns
        ),
        "back_ms": _median_ms(change.back_ns for change in changes),
        "change_reason": _reason(first_calls),
        "parts": _parts(result) if result.status == "ok" else (),
    }


def _other_shape(cell: Cell, changes: Sequence[ShapeChange]) -> str:
    """What of it is another; each process changes to the same."""
    if not changes:
        return ""
    size, batch_size = changes[0].size, changes[0].batch_size
    return f"batch {batch_size}" if size == cell.size else str(size)


def _reason(first_calls: Iterable[FirstCall]) -> str:
    return next((first.change_reason for first in first_calls if first.change_reason), "")


def _parts(result: Result) -> tuple[tuple[str, float], ...]:
    """Medians over processes of the medians in each."""
    found: dict[str, list[float]] = {}
    for part in result.parts:
        if part.latency_ns:
            found.setdefault(part.name, []).append(statistics.median(part.latency_ns))
    return tuple((name, _median_ms(medians)) for name, medians in found.items())


def _median_ms(values_ns: Iterable[float]) -> float:
    values = list(values_ns)
    return statistics.median(values) / 1e6 if values else math.nan
