"""What the most accurate fusion mode gains, and what it costs, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports.analysis.fusions import FusionModes, compare_modes, main_settings
from reports.analysis.tradeoffs import RANKED_BY
from reports.analysis.verdicts import Verdicts
from reports.columns import COLUMNS
from reports.text.verdicts import CI, factor, margin, no_verdict
from reports.text.words import counted, listed, times
from sizewise.core.evidence import ROUNDING, TOLERANCE, is_tie
from sizewise.core.stats import Interval
from sizewise.core.trials import Metric

OTHER_TRAINING = "Another training may give another order."
"""Intervals are over images; they know nothing of other trainings."""
BASELINE = "single"
"""The mode that looks at one scale only."""


def what_fusion_costs(verdicts: Verdicts) -> str:
    """The most accurate mode at the largest size against the reference (where it is that itself:
    against one scale, or the next in accuracy); empty where no two modes have an accuracy."""
    for modes in reversed(compare_modes(verdicts.rows)):
        for metric in RANKED_BY:
            scores = modes.scores(metric)
            if len({modes.fusion_of(mode) for mode in scores}) > 1:
                best_first = sorted(scores, key=lambda mode: -scores[mode])
                ordered = {mode: scores[mode] for mode in best_first}
                return _sentence(modes, metric, ordered, verdicts)
    return ""


def _sentence(
    modes: FusionModes, metric: Metric, scores: Mapping[str, float], verdicts: Verdicts
) -> str:
    """``scores`` come best first."""
    best, rival = next(iter(scores)), _rival(modes, list(scores))
    count = counted(len({modes.fusion_of(mode) for mode in scores}), "fusion mode")
    form = COLUMNS[metric.name].text
    return (
        f"Most accurate of {count} at {times(modes.size)}, as trained here: {best}, {metric.title} "
        f"{form(scores[best])}, {_gain(modes.gain(best, rival, metric))} {rival} "
        f"({form(scores[rival])}). {OTHER_TRAINING}{_price(modes, best, rival, verdicts)}"
    )


def _rival(modes: FusionModes, best_first: Sequence[str]) -> str:
    best, *others = best_first
    for wanted in (modes.reference, BASELINE):
        named = [mode for mode in others if modes.fusion_of(mode) == wanted]
        if named and modes.fusion_of(best) != wanted:
            return named[0]
    return others[0]


def _gain(gained: Interval) -> str:
    """``4.0 points (95 % CI over images 2.1 to 5.9) above``, or that it is no certain gain."""
    points = f"{100 * gained.point:.1f} points"
    interval = ""
    if gained.low is not None and gained.high is not None:
        low, high = (f"{100 * end:.1f}".replace("-", "−") for end in (gained.low, gained.high))
        interval = f" ({CI}over images {low} to {high})"
        if is_tie(gained):
            return f"{points}{interval}, which is no certain gain, above"
    if gained.point <= TOLERANCE + ROUNDING:
        return f"at most half a point{interval} above"
    return f"{points}{interval} above"


def _price(modes: FusionModes, best: str, rival: str, verdicts: Verdicts) -> str:
    prices: list[str] = []
    for setting in main_settings(modes.measured):
        ours, theirs = (modes.measured_row(mode, setting) for mode in (best, rival))
        if ours is not None and theirs is not None:
            judged = verdicts.of(ours, theirs)
            remarks = {
                f"the same within {margin(verdicts.rigor)}": judged.verdict == "SAME",
                "not decided": judged.verdict == "UNCLEAR",
                no_verdict(judged.ratio): judged.verdict is None,
                "disturbed": judged.ratio.disturbed,
            }
            said = ", ".join(remark for remark, holds in remarks.items() if holds)
            said = f" ({said})" if said else ""
            prices.append(f"{factor(judged.ratio)} in {setting}{said}")
    return f" Its latency compared with {rival}: {listed(prices)}." if prices else ""
