"""What the most accurate fusion mode gains, and what it costs, in a sentence."""

from __future__ import annotations

import math

import pandas as pd

from reports.analysis.fusions import Comparison, compare_modes, latency_ratio, main_settings
from reports.analysis.tradeoffs import RANKED_BY, TOLERANCE
from reports.findings.phrases import caveat
from reports.load import METRICS, Records
from reports.text.words import counted, listed, measured
from sizewise.core.stats import Ratio

BASELINE = "single"
"""The mode that looks at one scale only."""


def what_fusion_costs(records: Records) -> str:
    """The most accurate mode at the largest size against the reference (where it is that itself:
    against one scale, or the next in accuracy); empty where no two modes have an accuracy."""
    for comparison in reversed(compare_modes(records)):
        for metric in RANKED_BY:
            scores = comparison.scores(metric).sort_values(ascending=False, kind="stable")
            if len(set(_fusions(comparison)[scores.index])) > 1:
                return _sentence(records, comparison, metric, scores)
    return ""


def _fusions(comparison: Comparison) -> pd.Series[str]:
    return comparison.rows.drop_duplicates("mode").set_index("mode")["fusion"]


def _sentence(
    records: Records, comparison: Comparison, metric: str, scores: pd.Series[float]
) -> str:
    best, rival = str(scores.index[0]), _rival(comparison, scores)
    gain = scores[best] - scores[rival]
    small = gain <= TOLERANCE + 1e-12
    count = _fusions(comparison)[scores.index].nunique()
    return (
        f"Of {counted(count, 'fusion mode')} at {comparison.size}, {best} is the most accurate, "
        f"{'no more than half a point' if small else f'{100 * gain:.1f} points'} above {rival} "
        f"({METRICS[metric]} {scores[best]:.3f} against {scores[rival]:.3f})"
        f"{_price(records, comparison, best, rival)}."
    )


def _rival(comparison: Comparison, scores: pd.Series[float]) -> str:
    fusions, (best, *others) = _fusions(comparison), map(str, scores.index)
    for wanted in (comparison.reference, BASELINE):
        named = [mode for mode in others if fusions[mode] == wanted]
        if named and fusions[best] != wanted:
            return named[0]
    return others[0]


def _price(records: Records, comparison: Comparison, best: str, rival: str) -> str:
    prices: list[str] = []
    for setting in main_settings(comparison.measured):
        ours, theirs = (comparison.measured_row(mode, setting) for mode in (best, rival))
        if ours is not None and theirs is not None:
            whose = "" if prices else f" that of {rival}"
            times = _times(latency_ratio(records, ours, theirs))
            prices.append(f"{times}{whose} in {setting}{caveat(ours) or caveat(theirs)}")
    return f"; its latency is {listed(prices)}" if prices else ""


def _times(ratio: Ratio) -> str:
    low, high = (math.nan if end is None else end for end in (ratio.low, ratio.high))
    text = f"{measured(ratio.ratio, low, high, places=2)} times"
    return text if ratio.verdict in ("faster", "slower") else f"{text} (no certain difference)"
