"""Which engine to ship: the fastest within half a point of the best accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.analysis.pairs import compare_rows
from reports.analysis.tradeoffs import Contest, contests
from reports.columns import Row
from reports.findings.phrases import latency, speed_up, warning
from reports.grouping import measured_of
from reports.text.words import listed

NAMED = 2
"""Engines that are named one by one beside the recommended one."""


def what_to_ship(rows: Sequence[Row]) -> str:
    """A recommendation for each metric and data set, or what can be said without any accuracy."""
    sentences = [_recommended(contest) for contest in contests(rows)]
    return " ".join(sentences) or _without_accuracy(rows)


def _recommended(contest: Contest) -> str:
    best, *others = contest.good_enough
    return (
        f"Recommended: {best.where}, {latency(best)}, {_score(contest, best)}; "
        f"{_lead(contest, best)}.{_tied(best, others)}{_passed_over(contest, best)}"
        f"{warning([best])}"
    )


def _score(contest: Contest, row: Row) -> str:
    return f"{contest.metric.title} {row.text(contest.metric.name)}"


def _lead(contest: Contest, best: Row) -> str:
    """How it compares with the most accurate engine."""
    peak = contest.most_accurate
    if best is peak:
        return "no engine is more accurate"
    doubt = "" if peak.reliable else ", unreliable"
    peak_latency = f"{peak.where} ({latency(peak)}{doubt})"
    if _score(contest, best) == _score(contest, peak):
        return f"{_speed_up(best, peak)} {peak_latency} at the same {contest.metric.title}"
    return f"{_speed_up(best, peak)} the most accurate, {peak_latency}, {_score(contest, peak)}"


def _speed_up(best: Row, peak: Row) -> str:
    """Per image: where batches differ, the ratio of calls counts for the images they hold."""
    ratio = compare_rows(peak, best)
    images = best.batch_size / peak.batch_size
    low, high = (None if end is None else end * images for end in (ratio.low, ratio.high))
    return speed_up(ratio.ratio * images, low, high)


def _tied(best: Row, others: Iterable[Row]) -> str:
    """Engines as good that are not shown to be slower."""
    tied = [
        row.where
        for row in others
        if row.batch_size == best.batch_size and compare_rows(row, best).verdict != "slower"
    ]
    return f" Statistically tied: {listed(tied, most=NAMED)}." if tied else ""


def _passed_over(contest: Contest, best: Row) -> str:
    """Faster ones that were not recommended because they are unreliable."""
    faster = contest.near[: contest.near.index(best)]
    names = listed((row.where for row in faster), most=NAMED)
    return f" Faster but unreliable: {names}." if faster else ""


def _without_accuracy(rows: Iterable[Row]) -> str:
    measured = measured_of(rows)
    if not measured:
        return "No recommendation: no engine was measured."
    pixels = max(row.size.pixels for row in measured)
    largest = [row for row in measured if row.size.pixels == pixels]
    best = min(largest, key=lambda row: row.image_ms)
    return (
        "No recommendation: accuracy was not measured (--data). "
        f"Fastest at the largest size: {best.where}, {latency(best)}.{warning([best])}"
    )
