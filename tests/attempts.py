"""Campaigns of hostile cases, one after another: what came of each, by its number and a seed."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

Attempt = Callable[[int, random.Random, Path], str]
"""Given a case's number, its own chance and an empty folder, says what came of it. Raises
AssertionError where that is not as it should be."""


@dataclass
class Found:
    """What came of so many cases: ``violations`` broke what is said of them, or ended in an error
    without a type; ``counts`` what became of the others."""

    cases: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def take(self, number: int, outcome: Callable[[], str]) -> None:
        """Count the ``outcome`` of the case ``number``."""
        self.cases += 1
        try:
            self.counts[outcome()] += 1
        except AssertionError as error:
            self.violations.append(f"case {number}: {error}")
        except Exception as error:  # noqa: BLE001 - an error without a type is what we look for
            self.violations.append(f"case {number}: {type(error).__name__}: {error}")

    @property
    def kinds(self) -> set[str]:
        """The first words of what became of them."""
        return {what.partition(":")[0] for what in self.counts}


Campaign = Callable[[int, int, Path], Found]
"""Runs so many cases by a seed in a folder."""


def one_by_one(attempt: Attempt) -> Campaign:
    """A campaign whose cases have nothing to do with one another."""

    def campaign(cases: int, seed: int, folder: Path) -> Found:
        found = Found()
        for number in range(cases):
            own = folder / f"case-{number}"
            own.mkdir()
            chance = random.Random(f"{seed} {number}")
            found.take(number, lambda: attempt(number, chance, own))  # noqa: B023 - called at once
            shutil.rmtree(own)
        return found

    return campaign


def main(campaign: Campaign) -> None:
    """``python -m MODULE CASES SEED``: print what was found as JSON, and nothing else."""
    with TemporaryDirectory() as scratch, redirect_stdout(sys.stderr):
        found = campaign(int(sys.argv[1]), int(sys.argv[2]), Path(scratch))
    sys.stdout.write(json.dumps(vars(found)))
