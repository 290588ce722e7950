"""A few sentences that say what a sweep has shown, true whatever rows are missing."""

from __future__ import annotations

import pandas as pd

from reports.findings.dynamic_cost import what_dynamic_costs
from reports.findings.fusion_cost import what_fusion_costs
from reports.findings.phrases import where
from reports.findings.recommendation import what_to_ship
from reports.load import Records
from reports.text.words import counted, listed

Findings = tuple[str, ...]
FEW = 3
"""Rows or engines that a sentence names one by one."""


def find(records: Records) -> Findings:
    """What to ship, what the dynamic engine costs, which rows not to trust, and in between, where
    networks merge their scales in several ways, what that costs: plain text."""
    sentences = (
        what_to_ship(records),
        what_fusion_costs(records),
        what_dynamic_costs(records),
        what_to_doubt(records.frame),
    )
    return tuple(filter(None, sentences))


def what_to_doubt(frame: pd.DataFrame) -> str:
    """Which rows not to trust and why, and how many have no figure at all."""
    rows = frame[frame["median_ms"].notna()]
    lost = frame[frame["median_ms"].isna()]
    without = f"{counted(len(lost), 'row')} without a figure ({_reasons(lost)})"
    if rows.empty:
        return f"There is nothing to trust: {without} and none with one."
    tail = f"; {without}" if len(lost) else ""
    doubted = rows[rows["doubts"].map(len) > 0]
    if doubted.empty:
        return f"Every measured row is steady ({len(rows)} of {len(rows)}){tail}."
    share = f"{len(doubted)} of {counted(len(rows), 'measured row')}"
    return f"Do not trust {share}: {_named(doubted)}{tail}."


def _named(doubted: pd.DataFrame) -> str:
    """Each row with its reasons where they are few; how many there are of a kind otherwise."""
    if len(doubted) <= FEW:
        return listed(f"{where(row)} ({'; '.join(row['doubts'])})" for _, row in doubted.iterrows())
    kinds = doubted["doubt_codes"].explode().value_counts(sort=False)
    reasons = listed(f"{count} {_KINDS[str(code)]}" for code, count in kinds.items())
    return f"{reasons} ({listed(doubted['engine'].unique(), most=FEW)})"


_KINDS: dict[str, str] = {
    "few_processes": "measured in too few processes",
    "wide_interval": "with too wide an interval",
    "foreign_load": "while other programs were busy",
}


def _reasons(lost: pd.DataFrame) -> str:
    kinds = lost["status"].str.cat(lost["reason_code"], sep=": ").str.removesuffix(": ")
    return listed(f"{count} {kind}" for kind, count in kinds.value_counts(sort=False).items())
