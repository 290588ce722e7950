"""A few sentences that say what a sweep has shown, true whatever rows are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.columns import Row
from reports.findings.dynamic_cost import what_dynamic_costs
from reports.findings.fusion_cost import what_fusion_costs
from reports.findings.recommendation import what_to_ship
from reports.grouping import measured_of
from reports.text.warnings import KINDS, todos
from reports.text.words import counted, listed

Findings = tuple[str, ...]
ONE_RELIABLE = "The only measured row is reliable."
FEW = 3
"""Rows or engines that a sentence names one by one."""


def find(rows: Sequence[Row]) -> Findings:
    """Findings as plain text: what to ship, what fusion modes and dynamic engines cost, and which
    rows are unreliable. That of fusion modes is there where networks differ in them."""
    sentences = (
        what_to_ship(rows),
        what_fusion_costs(rows),
        what_dynamic_costs(rows),
        what_is_unreliable(rows),
    )
    return tuple(filter(None, sentences))


def what_is_unreliable(rows: Sequence[Row]) -> str:
    """Which rows are unreliable, why and what to do, and how many have no figure at all."""
    measured = measured_of(rows)
    sentences = [_reliability(measured)] if measured else []
    lost = [row for row in rows if not row.measured]
    if lost:
        sentences.append(f"Not measured: {counted(len(lost), 'row')} ({_reasons(lost)}).")
    return " ".join(sentences)


def _reliability(measured: Sequence[Row]) -> str:
    rows = counted(len(measured), "measured row")
    unreliable = [row for row in measured if not row.reliable]
    if not unreliable:
        return f"All {len(measured)} measured rows are reliable." if measured[1:] else ONE_RELIABLE
    todo = todos(code for row in unreliable for code in row.warning_codes)
    return f"Unreliable: {len(unreliable)} of {rows}, {_named(unreliable)}. {todo}"


def _named(unreliable: Sequence[Row]) -> str:
    """Each row with its reasons where they are few; how many there are of a kind otherwise."""
    if len(unreliable) <= FEW:
        return listed(f"{row.where} ({'; '.join(row.warnings)})" for row in unreliable)
    codes = Counter(code for row in unreliable for code in row.warning_codes)
    reasons = listed(f"{codes[code]} {kind.counted}" for code, kind in KINDS.items() if codes[code])
    engines = dict.fromkeys(row.engine for row in unreliable)
    return f"{reasons} ({listed(engines, most=FEW)})"


def _reasons(lost: Sequence[Row]) -> str:
    kinds = Counter(": ".join(filter(None, (row.status, row.reason_code))) for row in lost)
    return listed(f"{count} {kind}" for kind, count in kinds.items())
