"""Memory of serving all sizes: one dynamic engine that met them all, or a static one for each."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.columns import Row
from reports.rows.costs import MIB
from reports.rows.grouping import by_pixels, grouped, latest, measured_of
from reports.rows.labels import PAIRED_BY


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Resident memory in MiB of ``engines`` engines that serve ``sizes`` sizes, between calls.

    A dynamic engine holds more or less by where its walk over the sizes began: at the ``smallest``
    or at the ``largest``; static ones hold the same.
    """

    engine: str
    engines: int
    sizes: int
    smallest_first_mib: float
    largest_first_mib: float


def footprints(rows: Iterable[Row]) -> list[Footprint]:
    """Each engine for many sizes beside the static ones of the same sizes together; none where one
    side is not known at all of them."""
    known = by_pixels(latest(measured_of(rows)))
    found = []
    for group in grouped(known, _key).values():
        static = {row.size: row for row in group if row.strategy == "static"}
        for dynamic in grouped(_walked(group), lambda row: row.engine).values():
            beside = [static[row.size] for row in dynamic if row.size in static]
            if len(dynamic) > 1 and len(beside) == len(dynamic):
                found += [_of_dynamic(dynamic), _of_static(beside)]
    unique = dict.fromkeys(found)
    return [one for one in unique if not math.isnan(one.largest_first_mib)]


def _key(row: Row) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in PAIRED_BY)


def _walked(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.strategy != "static" and not math.isnan(row.walk_mib)]


def _of_dynamic(rows: Sequence[Row]) -> Footprint:
    return Footprint(
        engine=rows[0].engine,
        engines=1,
        sizes=len(rows),
        smallest_first_mib=rows[0].walk_mib,
        largest_first_mib=rows[-1].walk_mib,
    )


def _of_static(rows: Sequence[Row]) -> Footprint:
    """What each added to its process, and once what a process holds without an engine."""
    known = [_at_rest(row) for row in rows]
    added = (_median_mib(rest - before for before, rest in one) for one in known)
    together = _median_mib(before for one in known for before, _ in one) + sum(added)
    return Footprint(
        engine=rows[0].engine,
        engines=len(rows),
        sizes=len(rows),
        smallest_first_mib=together,
        largest_first_mib=together,
    )


def _at_rest(row: Row) -> list[tuple[int, int]]:
    """Bytes before the engine was opened and between its calls, of each process that told."""
    memory = row.result.memory
    return [(one.before_bytes, one.rest_bytes) for one in memory if one.rest_bytes is not None]


def _median_mib(sizes: Iterable[int]) -> float:
    known = list(sizes)
    return statistics.median(known) / MIB if known else math.nan
