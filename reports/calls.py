"""First calls and the parts of a call, as figures of a row."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import Any

from sizewise.trials import FirstCall, Result


def call_figures(result: Result) -> dict[str, Any]:
    """Milliseconds: ``first_ms`` of the first call of all and ``change_ms`` of the first one after
    another shape, medians over processes; ``parts`` as pairs of name and median. NaN, and no parts,
    where they were not measured or the result is not ``ok``."""
    first_calls = result.first_calls if result.status == "ok" else ()
    return {
        "first_ms": _median_ms(first.open_ns for first in first_calls),
        "change_ms": _median_ms(
            first.change_ns for first in first_calls if first.change_ns is not None
        ),
        "change_reason": _reason(first_calls),
        "parts": _parts(result) if result.status == "ok" else (),
    }


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
