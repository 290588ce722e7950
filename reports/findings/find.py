"""A few sentences that say what a sweep has shown, true whatever rows are missing."""

from __future__ import annotations

from reports.findings.dynamic_cost import what_dynamic_costs
from reports.findings.flushing import what_flushing_changes
from reports.findings.fusion_cost import what_fusion_costs
from reports.findings.in_doubt import what_is_in_doubt
from reports.findings.nothing_found import what_finds_nothing
from reports.findings.place_of_nms import what_nms_inside_costs
from reports.findings.reliance import what_is_earlier, what_to_rely_on
from reports.load import Records

Findings = tuple[str, ...]


def find(records: Records) -> Findings:
    """Findings as plain text, beside the decision: what finds nothing or is in doubt, what NMS
    inside, fusion modes and dynamic engines cost, and what to rely on. Those of NMS and of fusion
    modes are there where engines differ in them, that of an earlier harness where rows are of one,
    that of subnormal numbers where they cost."""
    sentences = (
        what_finds_nothing(records.rows),
        what_is_in_doubt(records.rows),
        what_nms_inside_costs(records.verdicts),
        what_fusion_costs(records.verdicts),
        what_dynamic_costs(records.verdicts),
        what_flushing_changes(records.rows),
        what_to_rely_on(records.rows),
        what_is_earlier(records.rows),
    )
    return tuple(filter(None, sentences))
