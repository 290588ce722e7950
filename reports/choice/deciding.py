"""The first lines of a report: what to ship and what it costs, a plain sentence each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from reports.analysis.judged import Judged
from reports.analysis.useful import why_none
from reports.analysis.verdicts import Verdicts
from reports.choice.budget import POINT, Budget, memory_of
from reports.choice.choosing import NAMED, Choice, choose
from reports.choice.rivals import against, is_open, judged_rivals, no_answer
from reports.choice.telling import told
from reports.columns import NONE, Row
from reports.findings.again import measure_again
from reports.findings.dynamic_cost import dynamic_in_short
from reports.findings.phrases import latency, score, warning
from reports.findings.reliance import reliance_in_short, what_to_do
from reports.load import Records
from reports.text.verdicts import lead, margin
from reports.text.words import counted, listed, measured, number
from sizewise.core.evidence import is_tie
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
    row, verdicts = choice.chosen, records.verdicts
    if row is None:
        yield _nothing(choice)
        return
    if is_open(choice, verdicts):
        yield f"{no_answer(choice, row.where)}. {measure_again(records)}"
    else:
        yield f"Ship {row.where}{_per_call(row, records)}{_why(choice)}."
    yield _speed(row)
    if choice.metric:
        yield _accuracy(row, choice, choice.metric, verdicts)
    yield _costs(row)
    yield _rivals(choice, verdicts)


def _several(choices: Sequence[Choice], records: Records) -> Iterator[str]:
    """One sentence each: accuracy does not tell which size to take, or NMS sets engines apart."""
    kinds = len({choice.among[0].nms for choice in choices})
    verdicts = records.verdicts
    for choice in choices[:_APART]:
        said = told(choice, Budget(), records)[0] if choice.chosen else _nothing(choice)
        yield said if kinds == 1 else f"{_whose(choice, verdicts)}{said[0].lower()}{said[1:]}"
    more = len(choices) - _APART
    if more > 0:
        yield f"For {counted(more, 'more choice')}, see the bold engines of the overview."


def _whose(choice: Choice, verdicts: Verdicts) -> str:
    place = "with" if choice.among[0].nms else "without"
    return f"Of engines {place} NMS inside{', ' if is_open(choice, verdicts) else ': '}"


def _nothing(choice: Choice) -> str:
    why = why_none(choice.among)
    return f"Ship nothing: {why[0].lower()}{why[1:]}."


def _per_call(row: Row, records: Records) -> str:
    """How many images a call is of, where engines differ in that."""
    batches = {one.batch_size for one in records.rows if one.measured}
    return f" for calls of {counted(row.batch_size, 'image')}" if len(batches) > 1 else ""


def _why(choice: Choice) -> str:
    if len(choice.among) == 1:
        return ": no other engine was measured"
    fastest = f"of {counted(len(choice.among), 'engine')}, the fastest"
    if choice.metric is None:
        return f": {fastest} at its size (accuracy was not measured: give --data)"
    return f": {fastest} that is as accurate as the best"


def _speed(row: Row) -> str:
    calls = f"{counted(row.calls, 'call')} of {counted(row.processes, 'process')}"
    slow = [f"{name} {_ms(getattr(row, column))}" for name, column in _SLOW.items()]
    rate = measured(row.images_per_s, row.images_low_per_s, row.images_high_per_s, digits=3)
    call = f"A call takes {latency(row)}, {', '.join(slow)}: {rate} images/s, measured in {calls}."
    return f"{call}{warning([row])}"


_SLOW = {"p90": "latency_p90_ms", "p99": "latency_p99_ms"}


def _ms(value: float) -> str:
    return "not measured" if math.isnan(value) else f"{number(value)} ms"


def _accuracy(row: Row, choice: Choice, metric: Metric, verdicts: Verdicts) -> str:
    """Its score and, where another has a higher one, what the lower latency is paid with."""
    peak = max(choice.among, key=lambda one: one.score(metric))
    said = f"On {counted(row.accuracy_images, 'image')} it reaches {score(row, metric)}"
    lost = choice.losses[row] / POINT
    if not lost:
        return f"{said}; no engine is more accurate."
    speed = lead(against(row, peak, verdicts), verdicts.rigor)
    best = f"the most accurate, {peak.where}"
    if f"{lost:.2f}" == "0.00":
        same = "On these images, its accuracy is the same as that of"
        return f"{said}. {same} {best}. It is {speed} that one."
    less = f"{said}, {lost:.2f} points less"
    if _tied(row, peak, verdicts):
        return f"{less} than {best}: too little for these images to tell. It is {speed} that one."
    return f"{less} and {speed} {best}."


def _tied(row: Row, peak: Row, verdicts: Verdicts) -> bool:
    contest = next(one for one in verdicts.contests if row in one.rows and peak in one.rows)
    return is_tie(contest.gain(peak, row))


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


def _rivals(choice: Choice, verdicts: Verdicts) -> str:
    """Engines that would do as well; where there are none, the next, and its distance."""
    judged = judged_rivals(choice, verdicts)
    kinds = {
        f"as fast within {margin(verdicts.rigor)}": _where(judged, "SAME"),
        "not shown to be slower": _where(judged, "UNCLEAR"),
        "measured in one process, so not compared": _where(judged, None, alone=True),
        "measured apart, so not compared": _where(judged, None, alone=False),
    }
    parts = [f"{listed(names, most=NAMED)} ({what})" for what, names in kinds.items() if names]
    if parts:
        return f"As accurate, and perhaps as good: {'; '.join(parts)}."
    slower = [(one.ratio.ratio, row, one) for row, one in judged if one.verdict == "SLOWER"]
    if not slower:
        return ""
    _, row, one = min(slower, key=lambda item: item[0])
    return f"It is {lead(one.inverse(), verdicts.rigor)} the next that is as accurate, {row.where}."


def _where(
    judged: Sequence[tuple[Row, Judged]], verdict: str | None, *, alone: bool | None = None
) -> list[str]:
    """The rows with this verdict; of those without one, what was measured in one process or not."""
    return [
        row.where
        for row, one in judged
        if one.verdict == verdict and alone in (None, one.ratio.waves == 1)
    ]


def _next(choices: Sequence[Choice], records: Records) -> str:
    """What to do where the decision is not sure."""
    if not choices:
        return "Ship nothing: no engine was measured."
    if todo := what_to_do(records.rows):
        return todo
    said = len(choices) == 1 and is_open(choices[0], records.verdicts)
    sure = said or all(_is_sure(choice, records.verdicts) for choice in choices)
    return "" if sure else measure_again(records)


def _is_sure(choice: Choice, verdicts: Verdicts) -> bool:
    """Whether no rival is open, and the slow calls of the chosen engine are known."""
    row = choice.chosen
    if row is None:
        return True
    decided = all(one.verdict != "UNCLEAR" for _, one in judged_rivals(choice, verdicts))
    return decided and not math.isnan(row.latency_p99_ms)
