"""Which engine to ship: the fastest within half a point of the best accuracy."""

from __future__ import annotations

import math

import pandas as pd

from reports.analysis.tradeoffs import Contest, contests
from reports.findings.phrases import caveat, latency, where
from reports.load import Records
from reports.text.words import listed, measured
from sizewise.core.stats import compare_results


def what_to_ship(records: Records) -> str:
    """A sentence for each metric and data set, or what can be said without any."""
    sentences = [_chosen(records, contest) for contest in contests(records.frame)]
    return " ".join(sentences) or _without_accuracy(records.frame)


def _chosen(records: Records, contest: Contest) -> str:
    near = contest.good_enough
    best = near.iloc[0]
    which = "engine" if best.name == contest.near.iloc[0].name else "trustworthy engine"
    return (
        f"The fastest {which} within half a point of the best {contest.name} is {where(best)}: "
        f"{latency(best)}, {contest.name} {best[contest.metric]:.3f}, "
        f"{_lead(records, contest, best)}{_rivals(records, near)}{caveat(best)}."
    )


def _lead(records: Records, contest: Contest, best: pd.Series) -> str:
    peak = contest.most_accurate
    if best.name == peak.name:
        return "and none is more accurate"
    times = _times_as_fast(records, best, peak)
    figures = f"{latency(peak)} and {contest.name} {peak[contest.metric]:.3f}{caveat(peak)}"
    return f"{times} as fast as the most accurate, {where(peak)} with {figures}"


def _times_as_fast(records: Records, best: pd.Series, peak: pd.Series) -> str:
    """Per image: where batches differ, the ratio of calls counts for the images they hold."""
    ratio = compare_results(records.result(peak), records.result(best))
    images = best["batch"] / peak["batch"]
    low, high = (math.nan if end is None else end * images for end in (ratio.low, ratio.high))
    return f"{measured(ratio.ratio * images, low, high, places=2)} times"


def _rivals(records: Records, near: pd.DataFrame) -> str:
    """Engines as good that are not shown to be slower than the first."""
    best, others = near.iloc[0], near.iloc[1:]
    level = [
        where(row)
        for _, row in others[others["batch"] == best["batch"]].iterrows()
        if compare_results(records.result(row), records.result(best)).verdict != "slower"
    ]
    return f"; not shown to be slower: {listed(level, most=2)}" if level else ""


def _without_accuracy(frame: pd.DataFrame) -> str:
    rows = frame[frame["median_ms"].notna()]
    if rows.empty:
        return "Which engine to ship can't be said: none was measured."
    largest = rows[rows["pixels"] == rows["pixels"].max()]
    best = largest.sort_values("image_ms", kind="stable").iloc[0]
    return (
        "Which engine is worth its accuracy can't be said, for no accuracy was measured; "
        f"the fastest at the largest size is {where(best)}: {latency(best)}{caveat(best)}."
    )
