"""Results as they stand on file: each row is checked by its sum, each wave for its blocks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from bench.journal import rows
from bench.journal.database import whole_rows
from sizewise.core.errors import RecordError
from sizewise.core.trials import Block, Result, Round


@dataclass(frozen=True, kw_only=True)
class Filed:
    """A result, the identity under which it is on file, and the run that added it."""

    identity: str
    run_id: int
    result: Result


def read_results(connection: sqlite3.Connection) -> Iterator[Filed]:
    """All results, in the order in which their trials were added. Raises RecordError where a row is
    damaged or missing."""
    blocks = _blocks(connection)
    processes: dict[int, list[sqlite3.Row]] = {}
    for row in whole_rows(connection, "process", "ORDER BY wave_id"):
        processes.setdefault(row["trial_id"], []).append(row)
    accuracies: dict[int, sqlite3.Row] = {}
    for row in whole_rows(connection, "accuracy", "ORDER BY run_id"):
        accuracies[row["trial_id"]] = row  # the latest counts
    for row in whole_rows(connection, "trial", "ORDER BY id"):
        key = row["id"]
        result = rows.to_result(row, blocks.get(key, ()), processes.get(key, ()))
        if key in accuracies:
            result = rows.with_accuracy(result, accuracies[key])
        yield Filed(identity=row["identity"], run_id=row["run_id"], result=result)


def _blocks(connection: sqlite3.Connection) -> dict[int, list[Block]]:
    """The blocks of each trial, wave by wave."""
    waves = {row["id"]: row for row in whole_rows(connection, "wave")}
    rounds: dict[tuple[int, int, int], Round] = {}
    for row in whole_rows(connection, "round"):
        rounds[row["wave_id"], row["number"], row["attempt"]] = rows.to_round(row)
    found: dict[int, list[Block]] = {}
    counted = dict.fromkeys(waves, 0)
    for row in whole_rows(connection, "block", "ORDER BY trial_id, wave_id, round, attempt"):
        key = (row["wave_id"], row["round"], row["attempt"])
        if key not in rounds or key[0] not in waves:
            raise _incomplete(key[0])
        counted[key[0]] += 1
        block = rows.to_block(row, waves[key[0]], rounds[key])
        found.setdefault(row["trial_id"], []).append(block)
    for number, count in counted.items():
        if count != waves[number]["blocks"]:
            raise _incomplete(number)
    return found


def _incomplete(wave: int) -> RecordError:
    return RecordError(
        f"Wave {wave} of the results is damaged",
        "it does not hold as many rows as were written",
        "Restore the file from a copy, or measure again into another folder.",
    )
