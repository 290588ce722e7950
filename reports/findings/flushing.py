"""Engines whose time changes where subnormal numbers are taken as zero."""

from __future__ import annotations

from collections.abc import Sequence

from reports.columns import Row
from reports.findings.phrases import FEW
from reports.rows.calls import flushing_of
from reports.rows.grouping import measured_of
from reports.text.words import listed


def what_flushing_changes(rows: Sequence[Row]) -> str:
    """Those that change by over 20 %, and the option; empty where none does."""
    known = ((row, flushing_of(row.result)) for row in measured_of(rows))
    found = [(row, flushing) for row, flushing in known if flushing and flushing.matters]
    if not found:
        return ""
    share = max(flushing.share for _, flushing in found)
    said = (
        f"{row.where} takes {flushing.flushed_ms:.3g} ms instead of {flushing.as_is_ms:.3g} ms"
        for row, flushing in found
    )
    return (
        f"Subnormal weights ({100 * share:.2g} %): with flush_subnormals=true, "
        f"{listed(said, most=FEW)}, measured by turns. Check the accuracy with it."
    )
