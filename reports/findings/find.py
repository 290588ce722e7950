"""A few sentences that say what a sweep has shown, true whatever rows are missing."""

from __future__ import annotations

from reports.findings.dynamic_cost import what_dynamic_costs
from reports.findings.fusion_cost import what_fusion_costs
from reports.findings.recommendation import what_to_ship
from reports.findings.reliance import what_is_earlier, what_to_rely_on
from reports.load import Records

Findings = tuple[str, ...]


def find(records: Records) -> Findings:
    """Findings as plain text: what to ship, what fusion modes and dynamic engines cost, and what to
    rely on. That of fusion modes is there where networks differ in them, that of an earlier harness
    where rows are of one."""
    sentences = (
        what_to_ship(records),
        what_fusion_costs(records.verdicts),
        what_dynamic_costs(records.verdicts),
        what_to_rely_on(records.rows),
        what_is_earlier(records.rows),
    )
    return tuple(filter(None, sentences))
