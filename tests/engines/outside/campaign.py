"""Hostile external data in hundreds of forms, and what became of each.

``python -m tests.engines.outside.campaign CASES SEED`` prints what it found as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tests.engines.mutants.serving import Scratch, Task, answers
from tests.engines.mutants.summing import BACKENDS, Telling, available, opened, untoward
from tests.engines.outside.forms import REFUSED, forms

_PROGRAM = "from tests.engines.outside.judging import main; main({})"


def outcomes(
    folder: Path,
    cases: int,
    seed: int,
    *,
    backends: tuple[str, ...] = BACKENDS,
    trace: bool = True,
) -> Iterator[Task]:
    """The outcome of each of the first ``cases`` forms, as of mutants, by turns in each back end
    that is here, as a static and as a dynamic engine."""
    scratch = Scratch(folder)
    here = available(backends)
    tasks = islice(_tasks(scratch, seed, here), cases)
    yield from answers(_PROGRAM.format(here), tasks, scratch, trace=trace)


def _tasks(scratch: Scratch, seed: int, backends: tuple[str, ...]) -> Iterator[Task]:
    for number, (wrong, home) in enumerate(forms(seed)):
        yield {
            "number": number,
            "wrong": wrong,
            "home": home,
            "backend": backends[number % len(backends)],
            "strategy": ("static", "dynamic")[number // len(backends) % 2],
            "folder": scratch.place(number),
            "outside": str(scratch.outside),
        }


def violation(found: Task) -> str:
    """What is wrong with what became of a form; empty where nothing is."""
    if said := opened(found) or untoward(found):
        return said
    was_taken = found["outcome"] == "equal" and found["wrong"] in REFUSED
    return "was taken" if was_taken else ""


def _name(found: Task) -> str:
    where = f"{found['wrong']}, {found['home']}, {found['strategy']} in {found['backend']}"
    return f"form {found['number']} ({where})"


TELLING = Telling(name=_name, wrong=violation)

if __name__ == "__main__":
    TELLING.main(outcomes)
