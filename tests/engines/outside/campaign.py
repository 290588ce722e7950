"""Hostile external data in hundreds of forms, and what became of each.

``python -m tests.engines.outside.campaign CASES SEED`` prints what it found as JSON.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.engines.mutants.campaign import BACKENDS, GOOD, available, ending
from tests.engines.mutants.serving import Scratch, Task, answers
from tests.engines.outside.forms import REFUSED, forms

_PROGRAM = "from tests.engines.outside.judging import main; main({})"


def outcomes(
    folder: Path,
    cases: int,
    *,
    seed: int,
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
    if found["outside"]:
        return f"opened {', '.join(found['outside'])}"
    if found["outcome"] not in GOOD:
        return f"{found['outcome']} in the stage {found['stage']}: {found.get('why', '')}"
    if found["outcome"] == "equal" and found["wrong"] in REFUSED:
        return "was taken"
    return ""


def summed(found: Iterable[Task]) -> dict[str, Any]:
    """The outcomes as a campaign tells them."""
    counts: Counter[str] = Counter()
    violations, cases = [], 0
    for one in found:
        cases += 1
        counts[f"{one['backend']}: {ending(one)}"] += 1
        counts["with every open of a file traced"] += one["traced"]
        if said := violation(one):
            where = f"{one['wrong']}, {one['home']}, {one['strategy']} in {one['backend']}"
            violations.append(f"form {one['number']} ({where}) {said}")
    return {"cases": cases, "counts": counts, "violations": violations}


def main() -> None:
    cases, seed = map(int, sys.argv[1:])
    with TemporaryDirectory() as scratch:
        came = summed(outcomes(Path(scratch), cases, seed=seed))
    sys.stdout.write(json.dumps(came))


if __name__ == "__main__":
    main()
