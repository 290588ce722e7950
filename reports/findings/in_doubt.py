"""Engines whose outputs are out of bound, of which no accuracy was measured."""

from __future__ import annotations

from collections.abc import Iterable

from reports.analysis.useful import is_in_doubt
from reports.columns import Row
from reports.findings.phrases import FEW
from reports.rows.grouping import measured_of
from reports.text.words import listed


def what_is_in_doubt(rows: Iterable[Row]) -> str:
    """Which engines have an error that their precision does not allow, where there are any."""
    found = {row.engine: row.out_of_bound for row in filter(is_in_doubt, measured_of(rows))}
    if not found:
        return ""
    named = (f"{engine} ({error})" for engine, error in found.items())
    return (
        "Not to be relied on, for the error against FP32 is out of bound: "
        f"{listed(named, most=FEW)}. Measure what that costs (--data), or convert again with "
        "--max-loss-points, which leaves layers out of the precision."
    )
