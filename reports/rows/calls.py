"""Cold start, the parts of a call and the way from picture to objects, as columns of a row."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from reports.rows.intervals import interval_columns
from reports.text.words import times
from sizewise.core.stats import Interval, process_mean
from sizewise.core.stats.counting import counted_of
from sizewise.core.trials import Cell, FirstCall, Flushing, Part, Result, ShapeChange

PART_COLUMNS = {"host-to-device": "h2d_ms", "compute": "compute_ms", "device-to-host": "d2h_ms"}
"""The parts of a call that have a column, by their names in results."""
WHOLE = "whole"
WAY_COLUMNS = {
    "read": "read_ms",
    "letterbox": "letterbox_ms",
    "engine": "engine_ms",
    "decode": "decode_ms",
    WHOLE: "end_to_end_ms",
}
"""The parts of the way from a picture to its objects, in order, and the whole of it."""
_BESIDE = {
    "memory": "memory",
    "parts": "parts of a call",
    "walk": "memory after all sizes",
    "end_to_end": "from picture to objects",
    "flushing": "with subnormal numbers taken as zero",
}
"""What may have failed beside the calls, by its name in results."""
_MS = 1e-6
"""Milliseconds of a nanosecond."""

Taken = Callable[[FirstCall], float | None]
"""Nanoseconds of one process's cold start; None where it has none."""


def call_columns(result: Result) -> dict[str, Any]:
    """The columns of an ``ok`` result: means over processes, and of the parts of a call medians."""
    first_calls = result.first_calls
    changes = [first.change for first in first_calls if first.change]
    parts = _medians(result.parts)
    return {
        **_started(result, "load{}_ms", lambda first: first.load_ns),
        **_started(result, "first_call{}_ms", lambda first: first.open_ns),
        "other_shape": _other_shape(result.trial.cell, changes),
        **_started(result, "other_first{}_ms", _changed(lambda change: change.first_ns)),
        "other_later_ms": _point(_mean_ms(result, _first(result, _changed(_later_ns)))),
        **_started(result, "return{}_ms", _changed(lambda change: change.back_ns)),
        "other_reason": _reason(first_calls),
        "beside_reasons": _beside_reasons(first_calls),
        "flushed_ratio": _flushed_ratio(result),
        "parts": parts,
        **{PART_COLUMNS[name]: ms for name, ms in parts if name in PART_COLUMNS},
        **_way(result),
    }


def flushing_of(result: Result) -> Flushing | None:
    """How the engine stood beside the same one with subnormal numbers taken as zero."""
    return next((one.flushing for one in result.first_calls if one.flushing), None)


def _flushed_ratio(result: Result) -> float:
    found = flushing_of(result)
    return math.nan if found is None else found.ratio


def whole_way(result: Result) -> dict[int, float]:
    """Nanoseconds from picture to objects by wave: the median over the pictures of its process."""
    return _by_wave(result.end_to_end, WHOLE)


def disturbed_ways(*results: Result) -> frozenset[int]:
    """The waves in which something disturbed most turns of pictures."""
    parts = (part for result in results for part in result.end_to_end)
    return frozenset(part.wave for part in parts if part.disturbed)


def rebuilds_of(*results: Result) -> dict[int, int]:
    """The build of each wave."""
    return {block.wave: block.rebuild for result in results for block in result.blocks}


def _started(result: Result, names: str, taken: Taken) -> dict[str, float]:
    return interval_columns(names, _mean_ms(result, _first(result, taken)))


def _first(result: Result, taken: Taken) -> dict[int, float]:
    known = ((first.wave, taken(first)) for first in result.first_calls)
    return {wave: ns for wave, ns in known if ns is not None}


def _changed(taken: Callable[[ShapeChange], float | None]) -> Taken:
    """What the process took at another shape, where it met one."""
    return lambda first: None if first.change is None else taken(first.change)


def _later_ns(change: ShapeChange) -> float | None:
    return statistics.median(change.later_ns) if change.later_ns else None


def _way(result: Result) -> dict[str, Any]:
    lost = disturbed_ways(result)
    known = list(whole_way(result))
    used = counted_of(known, lost)
    figures = {n: _mean_ms(result, _by_wave(result.end_to_end, n), lost) for n in WAY_COLUMNS}
    return {
        **{column: _point(figures[name]) for name, column in WAY_COLUMNS.items()},
        **interval_columns("end_to_end{}_ms", figures[WHOLE]),
        "end_to_end_codes": _way_disturbances(result, used),
        "end_to_end_processes": len(used),
        "end_to_end_left_out": len(known) - len(used),
    }


def _way_disturbances(result: Result, used: Collection[int]) -> tuple[str, ...]:
    """The codes of what disturbed the processes that the figures are made of, each once."""
    parts = (part for part in result.end_to_end if part.wave in used)
    return tuple(dict.fromkeys(code for part in parts for code in part.disturbed))


def _by_wave(parts: Iterable[Part], name: str) -> dict[int, float]:
    found = (part for part in parts if part.name == name and part.latency_ns)
    return {part.wave: statistics.median(part.latency_ns) for part in found}


def _mean_ms(
    result: Result, by_wave: Mapping[int, float], disturbed: Collection[int] = ()
) -> Interval | None:
    found = process_mean(by_wave, rebuilds_of(result), disturbed)
    return None if found is None else found.times(_MS)


def _point(interval: Interval | None) -> float:
    return math.nan if interval is None else interval.point


def _other_shape(cell: Cell, changes: Sequence[ShapeChange]) -> str:
    """The batch where the size is the same; each process changes to the same shape."""
    if not changes:
        return ""
    size, batch_size = changes[0].size, changes[0].batch_size
    return f"batch {batch_size}" if size == cell.size else times(size)


def _reason(first_calls: Iterable[FirstCall]) -> str:
    return next((first.change_reason for first in first_calls if first.change_reason), "")


def _beside_reasons(first_calls: Iterable[FirstCall]) -> tuple[str, ...]:
    """The first reason of each kind."""
    found: dict[str, str] = {}
    for first in first_calls:
        for name, why in first.failures.items():
            found.setdefault(name, why)
    return tuple(f"{_BESIDE.get(name, name)}: {why}" for name, why in found.items())


def _medians(parts: Iterable[Part]) -> tuple[tuple[str, float], ...]:
    """Medians over processes of the medians in each: a burst in one process moves none."""
    found: dict[str, list[float]] = {}
    for part in parts:
        if part.latency_ns:
            found.setdefault(part.name, []).append(statistics.median(part.latency_ns))
    return tuple((name, statistics.median(medians) * _MS) for name, medians in found.items())
