"""What of a damaged file is whole: runs, their trials and accuracies, and waves with all rows.

A wave is kept whole or not at all, except for its part of trials that are lost themselves. The sum
of a run says how many trials, waves and accuracies it had, also where some of them are gone.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from bench.journal.salvage.scanning import Rows, Scanned
from bench.journal.sums import Counts, fitting, is_whole

OF_RUN = ("trial", "wave", "accuracy")
"""Tables whose rows belong to a run."""
_UNSEEN, _UNSEEN_IN_DAMAGE = 4, 64
"""Rows of a table that may be gone without a trace: its last ones, and those in damaged places."""
_TRIES = 20_000
"""A fraction of a second, for each run whose row may be damaged itself."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Whole rows by their tables. ``had`` says how many rows of others each kept run had, by its
    number, and ``lost`` the numbers of runs, trials and waves that are known and not kept."""

    rows: Mapping[str, Rows]
    had: Mapping[int, Counts]
    lost: Mapping[str, tuple[int, ...]]

    def of_run(self, number: int) -> Counts:
        """How many of the rows that a run had are kept."""
        return {table: sum(row["run_id"] == number for row in self.rows[table]) for table in OF_RUN}


def keep(found: Scanned) -> Kept:
    """Sort out what is whole of what was found."""
    waves = list(_whole_waves(found))
    runs, had = _runs(found, waves)
    trials = [row for row in found.whole["trial"] if row["run_id"] in had]
    kept = {"run": set(had), "trial": {row["id"] for row in trials}}
    of_trials = {
        table: [row for row in found.whole[table] if row["trial_id"] in kept["trial"]]
        for table in ("block", "process", "accuracy")
    }
    filled = {row["wave_id"] for row in of_trials["process"]}
    waves = [row for row in waves if row["run_id"] in had and row["id"] in filled]
    kept["wave"] = {row["id"] for row in waves}
    of_waves = {
        table: [row for row in rows if row["wave_id"] in kept["wave"]]
        for table, rows in (found.whole | of_trials).items()
        if table in ("round", "block", "process")
    }
    accuracies = [row for row in of_trials["accuracy"] if row["run_id"] in had]
    rows = {"run": runs, "trial": trials, "wave": waves, **of_waves, "accuracy": accuracies}
    lost = {table: tuple(sorted(found.named[table] - kept[table])) for table in kept}
    return Kept(rows=rows, had=had, lost=lost)


def _whole_waves(found: Scanned) -> Iterator[sqlite3.Row]:
    """The waves of which every row is there, as their sums and their numbers of blocks say."""
    rounds = {(row["wave_id"], row["number"], row["attempt"]) for row in found.whole["round"]}
    processes = {(row["wave_id"], row["trial_id"]) for row in found.whole["process"]}
    of_wave = {
        "round": Counter(number for number, *_ in rounds),
        "process": Counter(number for number, _ in processes),
    }
    blocks: dict[int, Rows] = defaultdict(list)
    for row in found.whole["block"]:
        blocks[row["wave_id"]].append(row)
    for row in found.rows["wave"]:
        number = row["id"]
        mine = blocks.get(number, [])
        complete = len(mine) == row["blocks"] and all(
            (number, one["round"], one["attempt"]) in rounds
            and (number, one["trial_id"]) in processes
            for one in mine
        )
        if complete and is_whole("wave", row, {name: of_wave[name][number] for name in of_wave}):
            yield row


def _runs(found: Scanned, waves: Rows) -> tuple[Rows, dict[int, Counts]]:
    """The runs whose own rows are whole, and what belonged to each of them, by its number."""
    there = {"trial": found.whole["trial"], "wave": waves, "accuracy": found.whole["accuracy"]}
    gone = {table: _gone(found, table, len(rows)) for table, rows in there.items()}
    runs, had = [], {}
    for row in found.rows["run"]:
        counts = {
            table: sum(one["run_id"] == row["id"] for one in rows) for table, rows in there.items()
        }
        if is_whole("run", row, counts):  # of the first form too, which counts nothing
            known: Counts | None = counts
        else:
            known = fitting("run", row, islice(_larger(counts, gone), _TRIES))
        if known is not None:
            runs.append(row)
            had[row["id"]] = known
    return runs, had


def _gone(found: Scanned, table: str, whole: int) -> int:
    """How many rows of a table there may have been beside the whole ones."""
    seen = max(len(found.rows[table]), len(found.named.get(table, ())))
    return seen - whole + (_UNSEEN_IN_DAMAGE if table in found.interrupted else _UNSEEN)


def _larger(counts: Counts, gone: Counts) -> Iterator[Counts]:
    """Counts that are larger by what may be gone, beginning with few trials and accuracies."""
    for level in range(max(gone["trial"], gone["accuracy"]) + 1):
        for trials in range(min(level, gone["trial"]) + 1):
            for accuracies in range(min(level, gone["accuracy"]) + 1):
                for waves in range(gone["wave"] + 1 if level in (trials, accuracies) else 0):
                    more = {"trial": trials, "wave": waves, "accuracy": accuracies}
                    yield {table: count + more[table] for table, count in counts.items()}
