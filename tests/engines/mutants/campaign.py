"""Mutants of ONNX files, and what became of each, by seed.

``python -m tests.engines.mutants.campaign CASES SEED`` prints what it found as JSON.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engines.registry import find_backend
from tests.engines.mutants.mutating import is_structural
from tests.engines.mutants.seeds import SEEDS
from tests.engines.mutants.serving import Scratch, Task, answers

_PROGRAM = "from tests.engines.mutants.judging import main; main({})"
BACKENDS = ("onnxruntime", "openvino")
GOOD = ("refused", "equal")
"""Everywhere but in a child: there, a mutant may also crash, hang and raise, for that is one
engine's failure. What sizewise relies on is judged afterwards."""


def outcomes(
    folder: Path,
    cases: int,
    *,
    first: int = 0,
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


def available(backends: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in backends if find_backend(name).can_build().ok)


def _tasks(scratch: Scratch, first: int, backends: tuple[str, ...]) -> Iterator[Task]:
    names = list(SEEDS)
    for seed in count(first):
        backend = backends[(seed // len(names)) % len(backends)]
        at = {"folder": scratch.place(seed), "backend": backend}
        yield {"seed": seed, "model": names[seed % len(names)], **at}


def violation(found: Task) -> str:
    """What is wrong with what became of a mutant; empty where nothing is."""
    if found["outside"]:
        return f"opened {', '.join(found['outside'])}"
    if found["stage"] == "child" or found["outcome"] in GOOD:
        return ""
    return f"{found['outcome']} in the stage {found['stage']}: {found.get('why', '')}"


def summed(found: Iterable[Task]) -> dict[str, Any]:
    """The outcomes as a campaign tells them."""
    counts: Counter[str] = Counter()
    violations = []
    for one in found:
        counts[f"{one['backend']}: {ending(one)}"] += 1
        counts["changed in their structure"] += is_structural(one["changes"])
        counts["with every open of a file traced"] += one["traced"]
        if said := violation(one):
            name = f"mutant {one['seed']} of {one['model']} in {one['backend']}"
            violations.append(f"{name} ({one['changes']}) {said}")
    cases = sum(number for what, number in counts.items() if ": " in what)
    return {"cases": cases, "counts": counts, "violations": violations}


def ending(found: Task) -> str:
    """What came of a case, in words."""
    if found["outcome"] == "refused":
        return "refused" if found["stage"] == "parent" else "refused when built or compared"
    if found["stage"] == "child":
        return f"{found['outcome']} in a child"
    return str(found["outcome"])


def main() -> None:
    cases, seed = map(int, sys.argv[1:])
    with TemporaryDirectory() as scratch:
        came = summed(outcomes(Path(scratch), cases, first=seed))
    sys.stdout.write(json.dumps(came))


if __name__ == "__main__":
    main()
