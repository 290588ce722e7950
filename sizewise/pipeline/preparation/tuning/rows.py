"""The trials of a search as values, and as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sizewise.core.files import written_whole

State = Literal["complete", "pruned", "failed", "running"]


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """A training of a search, numbered from 1; its files are in ``trial-NUMBER``.

    ``score`` (0–1) is its best on the validation part; None: it failed before any. ``steps`` are
    those after which it was last scored, ``values`` what was searched, ``reason`` why it failed.
    """

    number: int
    state: State
    score: float | None
    steps: int
    values: Mapping[str, float]
    reason: str = ""

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return f"trial-{self.number:03d}"


def best_of(rows: Sequence[TrialRow]) -> TrialRow | None:
    """The trial with the highest score of those that were trained to their end; of equals, the
    first."""
    complete = [row for row in rows if row.state == "complete"]
    return max(complete, key=lambda row: (row.score or 0.0, -row.number), default=None)


def save_rows(rows: Sequence[TrialRow], metric: str, names: Sequence[str], path: Path) -> None:
    """Save a row per trial. Raises OutputError."""
    with written_whole(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["trial", "state", metric, "steps", *names, "reason"])
        for row in rows:
            score = "" if row.score is None else row.score
            values = [row.values.get(name, "") for name in names]
            table.writerow([row.number, row.state, score, row.steps, *values, row.reason])
