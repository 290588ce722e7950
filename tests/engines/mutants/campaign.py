"""Mutants of ONNX files, and what became of each, by seed.

``python -m tests.engines.mutants.campaign CASES SEED`` prints what it found as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

from tests.engines.mutants.mutating import is_structural
from tests.engines.mutants.seeds import SEEDS
from tests.engines.mutants.serving import Scratch, Task, answers
from tests.engines.mutants.summing import BACKENDS, Telling, available, opened, untoward

_PROGRAM = "from tests.engines.mutants.judging import main; main({})"


def outcomes(
    folder: Path,
    cases: int,
    first: int = 0,
    *,
    backends: tuple[str, ...] = BACKENDS,
    trace: bool = True,
) -> Iterator[Task]:
    """The outcome of each of so many mutants, from the seed ``first`` on, through all models and
    back ends that are here: its task, ``changes``, ``stage``, ``outcome`` (refused, equal, differs,
    untyped, died, hung) and the files ``outside`` that it opened."""
    scratch = Scratch(folder)
    here = available(backends)
    tasks = islice(_tasks(scratch, first, here), cases)
    yield from answers(_PROGRAM.format(here), tasks, scratch, trace=trace)


def _tasks(scratch: Scratch, first: int, backends: tuple[str, ...]) -> Iterator[Task]:
    names = list(SEEDS)
    for seed in count(first):
        backend = backends[(seed // len(names)) % len(backends)]
        at = {"folder": scratch.place(seed), "backend": backend}
        yield {"seed": seed, "model": names[seed % len(names)], **at}


def violation(found: Task) -> str:
    """What is wrong with what became of a mutant; empty where nothing is.

    In a child, a mutant may also crash, hang and raise, for that is one engine's failure. What
    sizewise relies on is judged afterwards.
    """
    return opened(found) or ("" if found["stage"] == "child" else untoward(found))


def _name(found: Task) -> str:
    mutant = f"mutant {found['seed']} of {found['model']} in {found['backend']}"
    return f"{mutant} ({found['changes']})"


TELLING = Telling(
    name=_name,
    wrong=violation,
    kinds=(("changed in their structure", lambda found: is_structural(found["changes"])),),
)

if __name__ == "__main__":
    TELLING.main(outcomes)
