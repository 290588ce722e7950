"""Campaigns of hostile files, from their command line to the JSON that they print."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engines.registry import find_backend
from tests.engines.mutants.serving import Task

BACKENDS = ("onnxruntime", "openvino")
GOOD = ("refused", "equal")


def available(backends: tuple[str, ...]) -> tuple[str, ...]:
    """Those that are here."""
    return tuple(name for name in backends if find_backend(name).can_build().ok)


@dataclass(frozen=True)
class Telling:
    """How a campaign tells its cases: the ``name`` of one, what was ``wrong`` with it (empty:
    nothing), and whether it was of the ``kinds`` that are counted."""

    name: Callable[[Task], str]
    wrong: Callable[[Task], str]
    kinds: tuple[tuple[str, Callable[[Task], bool]], ...] = ()

    def summed(self, found: Iterable[Task]) -> dict[str, Any]:
        """The outcomes as docs.make.outcomes wants them."""
        counts: Counter[str] = Counter()
        violations, cases = [], 0
        for one in found:
            cases += 1
            counts[f"{one['backend']}: {_ending(one)}"] += 1
            counts["with every open of a file traced"] += one["traced"]
            for kind, is_of in self.kinds:
                counts[kind] += is_of(one)
            if said := self.wrong(one):
                violations.append(f"{self.name(one)} {said}")
        return {"cases": cases, "counts": counts, "violations": violations}

    def main(self, outcomes: Callable[[Path, int, int], Iterable[Task]]) -> None:
        """Print what came of CASES by SEED, as the command line has them."""
        cases, seed = map(int, sys.argv[1:])
        with TemporaryDirectory() as scratch:
            came = self.summed(outcomes(Path(scratch), cases, seed))
        sys.stdout.write(json.dumps(came))


def opened(found: Task) -> str:
    """What is said of files that were opened though they are not the model's."""
    return f"opened {', '.join(found['outside'])}" if found["outside"] else ""


def untoward(found: Task) -> str:
    """What is said of an end that is no good one."""
    if found["outcome"] in GOOD:
        return ""
    return f"{found['outcome']} in the stage {found['stage']}: {found.get('why', '')}"


def _ending(found: Task) -> str:
    """What came of a case, in words."""
    if found["outcome"] == "refused":
        return "refused" if found["stage"] == "parent" else "refused when built or compared"
    if found["stage"] == "child":
        return f"{found['outcome']} in a child"
    return str(found["outcome"])
