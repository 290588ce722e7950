"""Rows in groups and in order."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from reports.columns import Row
from sizewise.core.specs import Size

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """The items of each key, both in the order in which they first appear."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def by_pixels(rows: Iterable[Row]) -> list[Row]:
    """The rows of the smallest size first."""
    return sorted(rows, key=lambda row: row.size.pixels)


def sizes_of(rows: Iterable[Row]) -> list[Size]:
    """Each size once, the smallest first."""
    return list(dict.fromkeys(row.size for row in by_pixels(rows)))


def comparable(row: Row) -> Hashable:
    """Equal in rows whose latencies compare call by call. Where an engine does NMS itself, its call
    is more work than that of one which leaves it to what follows."""
    return row.size, row.batch_size, row.nms, row.result.trial.harness


def by_nms(rows: Iterable[Row]) -> list[list[Row]]:
    """Those without NMS inside apart from those with it; one group where there is one kind."""
    return list(grouped(rows, lambda row: row.nms).values())


def latest(rows: Iterable[Row]) -> list[Row]:
    """Those of the latest harness among them: with an earlier one they don't compare."""
    known = list(rows)
    newest = max((row.result.trial.harness for row in known), default=0)
    return [row for row in known if row.result.trial.harness == newest]


def at_largest_size(rows: Iterable[Row]) -> list[Row]:
    """Those with the most pixels."""
    known = list(rows)
    pixels = max((row.size.pixels for row in known), default=0)
    return [row for row in known if row.size.pixels == pixels]


def measured_of(rows: Iterable[Row]) -> list[Row]:
    """Those with a latency."""
    return [row for row in rows if row.measured]
