"""What to rely on: which rows were disturbed, how milliseconds wandered, and what is missing."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from reports.columns import Row
from reports.findings.phrases import FEW
from reports.rows.grouping import latest, measured_of
from reports.text.disturbances import counted_codes, todos
from reports.text.words import counted, listed, percent
from sizewise.core.stats import is_crowded, wander

NONE_MARKED = "Marked as disturbed: none of {}."


def what_to_rely_on(rows: Sequence[Row]) -> str:
    """Which rows are disturbed, why and what to do; whether to take milliseconds or ratios; and how
    many rows have no figure at all."""
    measured = measured_of(rows)
    lost = [row for row in rows if not row.measured]
    sentences = [_disturbed(measured), _left_out(measured), how_it_stood(measured)]
    if lost:
        sentences.append(f"Not measured: {counted(len(lost), 'row')} ({_reasons(lost)}).")
    return " ".join(filter(None, sentences))


def reliance_in_short(rows: Sequence[Row]) -> str:
    """The same in one sentence, without what to do: empty where nothing was measured."""
    measured = measured_of(rows)
    if not measured:
        return ""
    marked = sum(row.disturbed for row in measured)
    parts = [f"{marked or 'none'} of {counted(len(measured), 'measured row')} is disturbed"]
    if marked > 1:
        parts = [f"{marked} of {counted(len(measured), 'measured row')} are disturbed"]
    lost = len(rows) - len(measured)
    if lost:
        parts.append(f"{counted(lost, 'row')} could not be measured")
    if stood := how_it_stood(measured):
        parts.append(stood[0].lower() + stood[1:].rstrip("."))
    return f"Reliability: {'; '.join(parts)}."


def what_to_do(rows: Sequence[Row]) -> str:
    """What to do about disturbed rows; empty where none is."""
    return todos(code for row in measured_of(rows) for code in row.disturbance_codes)


def _disturbed(measured: Sequence[Row]) -> str:
    if not measured:
        return ""
    rows = counted(len(measured), "measured row")
    disturbed = [row for row in measured if row.disturbed]
    if not disturbed:
        return NONE_MARKED.format(rows)
    todo = todos(code for row in disturbed for code in row.disturbance_codes)
    return f"Disturbed: {len(disturbed)} of {rows}, {_named(disturbed)}. {todo}".rstrip()


def _left_out(measured: Sequence[Row]) -> str:
    """How many processes were disturbed and stand in no figure; empty where none was."""
    lost = sum(row.left_out for row in measured)
    every = lost + sum(row.processes for row in measured)
    lost_ways = sum(row.end_to_end_left_out for row in measured)
    every_way = lost_ways + sum(row.end_to_end_processes for row in measured)
    told = {
        f"{lost} of {counted(every, 'process')}": lost,
        f"{lost_ways} of {every_way} processes that timed pictures": lost_ways,
    }
    counts = listed(words for words, count in told.items() if count)
    return f"Left out, because they were disturbed: {counts}." if counts else ""


def how_it_stood(rows: Sequence[Row]) -> str:
    """How much others took of the cores where neither milliseconds nor ratios hold, and by how much
    milliseconds wandered while ratios stood; empty on a quiet machine."""
    crowded = [row for row in rows if is_crowded(row.result)]
    sound = _wandering([row for row in rows if row not in crowded])
    return " ".join(filter(None, (_crowded(crowded, len(rows)), sound)))


def _crowded(crowded: Sequence[Row], rows: int) -> str:
    if not crowded:
        return ""
    taken = statistics.median(b.taken for row in crowded for b in row.result.blocks)
    which = "" if len(crowded) == rows else f", in {len(crowded)} of {counted(rows, 'row')}"
    return (
        f"Others took {percent(taken)} of the cores while this ran (median over rounds{which}): "
        "neither the milliseconds nor the ratios hold, and no difference is named."
    )


def _wandering(rows: Sequence[Row]) -> str:
    found = wander(row.result for row in latest(rows))
    if found is None or not found.much:
        return ""
    return (
        f"Milliseconds wandered by {percent(found.share)} (standard deviation over rounds) while "
        "this ran: take the ratios, not the milliseconds."
    )


def what_is_earlier(rows: Sequence[Row]) -> str:
    """A remark where rows are of an earlier harness; empty where none is."""
    earlier = [row for row in measured_of(rows) if row.harness]
    if not earlier:
        return ""
    count = counted(len(earlier), "row")
    slowed = "slowed ONNX Runtime and PyTorch down and counted cold calls"
    if len(earlier) == len(measured_of(rows)):
        return f"Earlier harness: it measured all {count}, {slowed}. Run the same command again."
    return f"Earlier harness: it measured {count}, which are compared with no other: it {slowed}."


def _named(disturbed: Sequence[Row]) -> str:
    """Each row with its reasons where they are few; how many there are of a kind otherwise."""
    if len(disturbed) <= FEW:
        return listed(f"{row.where} ({'; '.join(row.disturbances)})" for row in disturbed)
    reasons = counted_codes([code for row in disturbed for code in row.disturbance_codes])
    engines = dict.fromkeys(row.engine for row in disturbed)
    return f"{listed(reasons)} ({listed(engines, most=FEW)})"


def _reasons(lost: Sequence[Row]) -> str:
    kinds = Counter(": ".join(filter(None, (row.status, row.reason_code))) for row in lost)
    return listed(f"{count} {kind}" for kind, count in kinds.items())
