"""What intervals and verdicts mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.analysis.verdicts import Verdicts
from reports.columns import Row
from reports.rows.grouping import grouped
from reports.text.verdicts import margin
from reports.text.words import counted, listed, percent
from sizewise.core.evidence import AS_GOOD
from sizewise.core.stats import (
    CONFIDENCE,
    FALSE_AMONG_NAMED,
    FALSE_IN_SIMULATION,
    FEW_PROCESSES,
)
from sizewise.core.stats.counting import CLEAN_WAVES
from sizewise.core.stats.verdicts import SAME_CONFIDENCE
from sizewise.core.trials.disturbances import CROWDED


def intervals() -> str:
    """Of rows and of ratios."""
    return (
        "A median is the exponential of the mean, over processes, of log medians of turns. Its "
        f"{percent(CONFIDENCE)} interval (CI) is Student's t over processes: it holds during this "
        "sweep, not for another day. A ratio is made of the same rounds of both engines, process "
        "by process, so what slows both down is not in it."
    )


def judged_together(verdicts: Verdicts) -> str:
    """The rule, and over how many comparisons it holds."""
    count = counted(len(verdicts.all), "comparison")
    decided = sum(judged.decided for judged in verdicts.all)
    same = margin(verdicts.rigor)
    return (
        f"Verdicts: {count} of this report were judged together (Benjamini and Hochberg). Decided "
        f"are {decided}. In simulation {percent(FALSE_IN_SIMULATION, 1)} at most of pairs of equal "
        "engines got a verdict of FASTER or SLOWER, where measuring ends by itself. Of the "
        "differences named where one of four engines takes 10 % more, "
        f"{percent(FALSE_AMONG_NAMED, 1)} at most were none. Two engines are the same where the "
        f"{percent(SAME_CONFIDENCE)} interval of their ratio lies within {same} and no difference "
        "is certain. Engines that were measured apart in time, with no anchor beside both, are not "
        f"compared.{_crowded(verdicts)}"
    )


def _crowded(verdicts: Verdicts) -> str:
    """That ratios hold no more where others took much of the cores; empty where none is so."""
    count = sum(judged.ratio.crowded for judged in verdicts.all)
    if not count:
        return ""
    return (
        f" Nothing is decided by {count} of them: others took {percent(CROWDED)} of the cores or "
        "more in half of the rounds. Threads that wait for each other lose more by that than those "
        "that need not."
    )


def disturbed_rows() -> str:
    """When a row is marked, and when it is not though processes of it were disturbed."""
    return (
        "A process is disturbed where fewer than half of its rounds had an undisturbed attempt. "
        f"Its warm calls stand in no figure where there are {CLEAN_WAVES} other processes or more, "
        "and at least as many others as disturbed ones. Else all processes count, and the row is "
        f"marked as disturbed (†). So is a row of fewer than {FEW_PROCESSES} processes. Ratios are "
        "marked by the same rule. A wide interval is no disturbance: it is printed."
    )


def left_out(rows: Sequence[Row]) -> str:
    """How many processes stand in no figure; empty where all do."""
    short = [row for row in rows if row.left_out]
    if not short:
        return ""
    lost = sum(row.left_out for row in rows)
    every = lost + sum(row.processes for row in rows)
    return (
        f"So warm calls of {lost} of {counted(every, 'process')} stand in no figure, in "
        f"{len(short)} of {counted(len(rows), 'row')}."
    )


def accuracies(rows: Iterable[Row]) -> str:
    """The data, and when engines are equally accurate."""
    scored = [row for row in rows if row.accuracy_images]
    sets = grouped(scored, lambda row: (row.data_sha256, row.accuracy_chosen, row.accuracy_nms))
    said = [
        f"{max(row.accuracy_images for row in group)} images of the data set {sha256[:12]}"
        + (f" ({chosen})" if chosen else "")
        + (f" (NMS: {nms})" if nms else "")
        for (sha256, chosen, nms), group in sets.items()
    ]
    if not said:
        return ""
    return (
        f"Accuracy is that of the timed engine itself, on {listed(said)}. The recommended engine "
        "is the fastest of those that are as good as the most accurate one. An engine is, where "
        f"{AS_GOOD}. Without an interval, the latter decides alone."
    )
