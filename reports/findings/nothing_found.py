"""Engines that find nothing in the pictures."""

from __future__ import annotations

from collections.abc import Iterable

from reports.analysis.useful import finds_nothing
from reports.columns import Row
from reports.rows.grouping import grouped, measured_of
from reports.text.words import listed

NAMED = 3


def what_finds_nothing(rows: Iterable[Row]) -> str:
    """Which engines have an accuracy of 0, where there are any."""
    found = grouped(filter(finds_nothing, measured_of(rows)), lambda row: row.engine)
    if not found:
        return ""
    named = (
        f"{engine} at {listed(dict.fromkeys(row.text('size') for row in group))}"
        for engine, group in found.items()
    )
    return (
        f"No use at any speed, for the accuracy is 0: {listed(named, most=NAMED)}. Check how their "
        "pictures are shown and how their outputs are read; then the precision."
    )
