"""The first lines of a report: what to ship and what it costs, a plain sentence each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from reports.choice.budget import POINT, Budget, memory_of
from reports.choice.choosing import NAMED, Choice, choose
from reports.choice.telling import told
from reports.columns import NONE, Row
from reports.findings.again import measure_again
from reports.findings.dynamic_cost import dynamic_in_short
from reports.findings.phrases import latency, score
from reports.findings.reliance import reliance_in_short, what_to_do
from reports.load import Records
from reports.text.verdicts import margin
from reports.text.words import counted, listed, measured, number
from sizewise.core.stats import Verdict
from sizewise.core.trials import Metric

LINES = 8
"""Of a decision, at the most."""
_APART = 4
"""Choices that are told one by one where there are several."""


def decide(records: Records) -> tuple[str, ...]:
    """At most ``LINES`` sentences of plain text, the engine to ship first: the choice of ``sizewise
    best`` without limits."""
    choices = choose(records, Budget())
    chosen = _one(choices[0], records) if len(choices) == 1 else _several(choices, records)
    general = (
        dynamic_in_short(records.verdicts),
        reliance_in_short(records.rows),
        _next(choices, records),
    )
    return tuple(filter(None, (*chosen, *general)))[:LINES]


def chosen_rows(records: Records) -> frozenset[Row]:
    """The engines that the decision ships, each with its size."""
    choices = choose(records, Budget())
    return frozenset(choice.chosen for choice in choices if choice.chosen is not None)


def _one(choice: Choice, records: Records) -> Iterator[str]:
    row = choice.chosen
    if row is None:
        yield "Ship nothing: no engine finds anything, or every error against FP32 is out of bound."
        return
    yield f"Ship {row.where}{_per_call(row, records)}: {_why(choice)}."
    yield _speed(row)
    if choice.metric:
        yield _accuracy(row, choice, choice.metric)
    yield _costs(row)
    yield _rivals(choice, records)


def _several(choices: Sequence[Choice], records: Records) -> Iterator[str]:
    """One sentence each: accuracy does not tell which size to take, or NMS sets engines apart."""
    for choice in choices[:_APART]:
        yield told(choice, Budget(), records)[0]
    more = len(choices) - _APART
    if more > 0:
        yield f"For {counted(more, 'more choice')}, see the bold engines of the overview."


def _per_call(row: Row, records: Records) -> str:
    """How many images a call is of, where engines differ in that."""
    batches = {one.batch_size for one in records.rows if one.measured}
    return f" for calls of {counted(row.batch_size, 'image')}" if len(batches) > 1 else ""


def _why(choice: Choice) -> str:
    if len(choice.among) == 1:
        return "no other engine was measured"
    fastest = f"the fastest of {counted(len(choice.among), 'engine')}"
    if choice.metric is None:
        return f"{fastest} at its size, whose accuracy was not measured"
    return f"{fastest} that is as accurate as the most accurate one"


def _speed(row: Row) -> str:
    calls = f"{counted(row.calls, 'call')} in {counted(row.processes, 'process')}"
    slow = [f"{name} {_ms(getattr(row, column))}" for name, column in _SLOW.items()]
    rate = measured(row.images_per_s, row.images_low_per_s, row.images_high_per_s, digits=3)
    return f"A call takes {latency(row)} ({calls}), {', '.join(slow)}, for {rate} images/s."


_SLOW = {"p90": "latency_p90_ms", "p99": "latency_p99_ms"}


def _ms(value: float) -> str:
    return "not measured" if math.isnan(value) else f"{number(value)} ms"


def _accuracy(row: Row, choice: Choice, metric: Metric) -> str:
    peak = max(choice.among, key=lambda one: one.score(metric))
    images = counted(row.accuracy_images, "image")
    said = f"On {images} it reaches {score(row, metric)}"
    lost = choice.losses[row] / POINT
    if not lost:
        return f"{said}; no engine is more accurate."
    return f"{said}, {lost:.2f} points below the most accurate, {peak.where}."


def _costs(row: Row) -> str:
    known = {
        f"{memory_of(row):.0f} MiB of memory": memory_of(row),
        f"{row.text('build_s')} s to build": row.build_s,
        f"{row.text('file_mib')} MiB on disk": row.file_mib,
    }
    costs = listed(words for words, value in known.items() if not math.isnan(value))
    achieved = row.text("achieved")
    runs = "" if achieved == NONE else f"; its layers run in {achieved}"
    return f"It takes {costs}{runs}." if costs else ""


def _rivals(choice: Choice, records: Records) -> str:
    words: dict[Verdict | None, str] = {
        "SAME": f"as fast within {margin(records.verdicts.rigor)}",
        "UNCLEAR": "not decided against",
        None: "measured apart, so not compared",
    }
    parts = []
    for verdict, what in words.items():
        rows = [row for row, said in choice.rivals if said == verdict]
        if rows:
            parts.append(f"{what}: {listed((row.where for row in rows), most=NAMED)}")
    return f"Of engines as accurate, {'; '.join(parts)}." if parts else ""


def _next(choices: Sequence[Choice], records: Records) -> str:
    """What to do where the decision is not sure."""
    if not choices:
        return "Ship nothing: no engine was measured."
    if todo := what_to_do(records.rows):
        return todo
    sure = all(map(_is_sure, choices))
    return "" if sure else measure_again(records)


def _is_sure(choice: Choice) -> bool:
    """Whether no rival is open, and the slow calls of the chosen engine are known."""
    row = choice.chosen
    if row is None:
        return True
    decided = all(said != "UNCLEAR" for _, said in choice.rivals)
    return decided and not math.isnan(row.latency_p99_ms)
