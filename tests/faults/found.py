"""What campaigns of disturbed commands found, and how they print it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory


@dataclass
class Found:
    """What came of so many cases: ``violations`` are those that cost something."""

    cases: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def count(self, what: str) -> None:
        """One more case, and what came of it."""
        self.cases += 1
        self.counts[what] += 1


def together(parts: Iterable[Found]) -> Found:
    """All that was found by several."""
    found = Found()
    for one in parts:
        found.cases += one.cases
        found.counts += one.counts
        found.violations += one.violations
    return found


def main(campaign: Callable[[int, int, Path], Found]) -> None:
    """Run a campaign with CASES and SEED of the command line, and print what it found as JSON."""
    with TemporaryDirectory() as scratch:
        found = campaign(int(sys.argv[1]), int(sys.argv[2]), Path(scratch))
    sys.stdout.write(json.dumps(vars(found)))
