"""A choice in sentences: what to ship, what is as good, what comes close, what fell out."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reports.choice.budget import POINT, Budget, memory_of
from reports.choice.choosing import NAMED, Choice
from reports.choice.rivals import is_open, no_answer
from reports.columns import Row
from reports.findings.again import measure_again
from reports.findings.phrases import latency, score, warning
from reports.load import Records
from reports.text.verdicts import margin
from reports.text.words import counted, listed, number


def told(choice: Choice, budget: Budget, records: Records) -> tuple[str, ...]:
    """Sentences, the decision first."""
    return tuple(_sentences(choice, budget, records))


def _sentences(choice: Choice, budget: Budget, records: Records) -> Iterator[str]:
    yield _decision(choice, budget, records)
    yield from _rivals(choice, records)
    if choice.near:
        named = (f"{row.where} ({miss})" for row, miss in choice.near)
        yield f"Just missed: {listed(named)}."
    if choice.left_out:
        counts = (f"{what}: {count}" for what, count in choice.left_out.items())
        yield f"Left out of {counted(len(choice.among), 'engine')}, by {listed(counts)}."
    yield from _missing(choice, budget, records)


def _decision(choice: Choice, budget: Budget, records: Records) -> str:
    if choice.chosen is None:
        whose = "" if choice.metric else f" at {choice.among[0].text('size')}"
        return f"Nothing fits{whose}: {_limits(budget) or 'no engine finds anything'}."
    what = described(choice.chosen, choice, budget)
    if is_open(choice, records.verdicts):
        return f"{no_answer(choice, what)}.{warning([choice.chosen])}"
    fitting = f"of {counted(choice.fitting, 'engine')} that fit" if choice.fitting > 1 else ""
    only = "the only one that fits" if choice.fitting == 1 else f"the fastest {fitting}"
    if choice.metric and budget.max_loss_points is None and choice.fitting > 1:
        only = f"the fastest of the most accurate, {fitting}"
    size = "" if choice.metric else " at this size"
    return f"Ship {what}: {only}{size}.{warning([choice.chosen])}"


def described(row: Row, choice: Choice, budget: Budget) -> str:
    """``openvino static at 320×320, 7.9 ms (95 % CI …), AP 0.51 (…), 212 MiB``."""
    parts = [row.where, latency(row)]
    if budget.percentile != "median":
        parts.append(f"{budget.percentile} {number(budget.latency_of(row))} ms")
    if choice.metric:
        lost = choice.losses[row] / POINT
        parts.append(score(row, choice.metric) + (f", {lost:.2f} points lost" if lost else ""))
    if not math.isnan(memory_of(row)):
        parts.append(f"{memory_of(row):.0f} MiB")
    return ", ".join(parts)


def _rivals(choice: Choice, records: Records) -> Iterator[str]:
    words = {
        "SAME": f"As fast within {margin(records.verdicts.rigor)}",
        "UNCLEAR": "Not decided against",
        "FASTER": "Faster by its verdict, though not by its ratio to all",
        None: "Measured apart, so not compared",
    }
    for verdict, what in words.items():
        rows = [row for row, said in choice.rivals if said == verdict]
        if rows:
            yield f"{what}: {listed((row.where for row in rows), most=NAMED)}."


def _missing(choice: Choice, budget: Budget, records: Records) -> Iterator[str]:
    """What was not measured, and the command that measures it."""
    unknown = [row for row in choice.among if math.isnan(budget.latency_of(row))]
    if unknown:
        count = f"{len(unknown)} of {counted(len(choice.among), 'engine')}"
        yield (
            f"{budget.percentile} was not measured for {count}: it takes more calls. "
            f"{measure_again(records)}"
        )
    elif is_open(choice, records.verdicts):
        yield measure_again(records)
    if budget.max_loss_points is not None and choice.metric is None:
        yield "Accuracy was not measured: give sizewise bench --data, which adds it."


def _limits(budget: Budget) -> str:
    limits = {
        f"{budget.percentile} latency {budget.max_latency_ms} ms": budget.max_latency_ms,
        f"memory {budget.max_memory_mib} MiB": budget.max_memory_mib,
        f"loss {budget.max_loss_points} points": budget.max_loss_points,
    }
    return listed(words for words, limit in limits.items() if limit is not None)
