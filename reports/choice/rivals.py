"""What stands against a chosen engine, and whether anything speaks for it."""

from __future__ import annotations

from reports.analysis.judged import Judged
from reports.analysis.verdicts import Verdicts
from reports.choice.choosing import Choice
from reports.columns import Row
from reports.text.words import counted
from sizewise.core.stats import verdicts as verdicts_of


def judged_rivals(choice: Choice, verdicts: Verdicts) -> list[tuple[Row, Judged]]:
    """The latency of each other engine in the running over that of the chosen one, judged with all
    else that a report says; or alone, where batches differ and a report says nothing else of the
    two."""
    return [
        (row, against(row, choice.chosen, verdicts))
        for row in choice.running
        if choice.chosen is not None and row is not choice.chosen
    ]


def against(row: Row, base: Row, verdicts: Verdicts) -> Judged:
    """The latency of ``row`` over that of ``base``, judged likewise."""
    try:
        return verdicts.of(row, base)
    except KeyError:
        ratio = verdicts.ratios.of(row, base)
        return Judged(ratio=ratio, verdict=verdicts_of([ratio], verdicts.rigor)[0])


def is_open(choice: Choice, verdicts: Verdicts) -> bool:
    """Whether nothing speaks for the chosen engine: not one of its rivals is decided upon or, where
    it has none, something disturbed it."""
    judged = [one for _, one in judged_rivals(choice, verdicts)]
    if not judged:
        return choice.chosen is not None and choice.chosen.disturbed
    return not any(one.decided for one in judged)


def no_answer(choice: Choice, named: str) -> str:
    """The sentence for an open choice, without its full stop; ``named`` is the chosen engine."""
    rivals = len(choice.running) - 1
    if not rivals:
        return (
            f"No answer yet: {named} was disturbed, and there is no other engine to compare it with"
        )
    undecided = f"no comparison with {counted(rivals, 'rival')} is decided"
    return f"No answer yet: the fastest so far is {named}, and {undecided}"
