"""What the most accurate fusion mode gains, and what it costs, in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from reports.analysis.fusions import FusionModes, compare_modes, main_settings
from reports.analysis.pairs import compare_rows
from reports.analysis.tradeoffs import RANKED_BY, ROUNDING, TOLERANCE
from reports.columns import COLUMNS, Row
from reports.findings.phrases import CI
from reports.text.words import counted, listed, measured, times
from sizewise.core.stats import Ratio
from sizewise.core.trials import Metric

BASELINE = "single"
"""The mode that looks at one scale only."""


def what_fusion_costs(rows: Sequence[Row]) -> str:
    """The most accurate mode at the largest size against the reference (where it is that itself:
    against one scale, or the next in accuracy); empty where no two modes have an accuracy."""
    for modes in reversed(compare_modes(rows)):
        for metric in RANKED_BY:
            scores = modes.scores(metric)
            if len({modes.fusion_of(mode) for mode in scores}) > 1:
                best_first = sorted(scores, key=lambda mode: -scores[mode])
                return _sentence(modes, metric, {mode: scores[mode] for mode in best_first})
    return ""


def _sentence(modes: FusionModes, metric: Metric, scores: Mapping[str, float]) -> str:
    """``scores`` come best first."""
    best, rival = next(iter(scores)), _rival(modes, list(scores))
    gain = scores[best] - scores[rival]
    small = gain <= TOLERANCE + ROUNDING
    count = counted(len({modes.fusion_of(mode) for mode in scores}), "fusion mode")
    form = COLUMNS[metric.name].text
    return (
        f"Most accurate of {count} at {times(modes.size)}: {best}, {metric.title} "
        f"{form(scores[best])}, {'at most half a point' if small else f'{100 * gain:.1f} points'} "
        f"above {rival} ({form(scores[rival])}).{_price(modes, best, rival)}"
    )


def _rival(modes: FusionModes, best_first: Sequence[str]) -> str:
    best, *others = best_first
    for wanted in (modes.reference, BASELINE):
        named = [mode for mode in others if modes.fusion_of(mode) == wanted]
        if named and modes.fusion_of(best) != wanted:
            return named[0]
    return others[0]


def _price(modes: FusionModes, best: str, rival: str) -> str:
    prices: list[str] = []
    for setting in main_settings(modes.measured):
        ours, theirs = (modes.measured_row(mode, setting) for mode in (best, rival))
        if ours is not None and theirs is not None:
            ratio = compare_rows(ours, theirs)
            prices.append(f"{_times(ratio)} in {setting}{_remarks(ratio, ours, theirs)}")
    return f" Its latency compared with {rival}: {listed(prices)}." if prices else ""


def _times(ratio: Ratio) -> str:
    low, high = (math.nan if end is None else end for end in (ratio.low, ratio.high))
    return measured(ratio.ratio, low, high, places=2, unit="×", named=CI)


def _remarks(ratio: Ratio, ours: Row, theirs: Row) -> str:
    remarks = {
        "not significant": ratio.verdict not in ("faster", "slower"),
        "unreliable": not (ours.reliable and theirs.reliable),
    }
    said = ", ".join(remark for remark, holds in remarks.items() if holds)
    return f" ({said})" if said else ""
