"""Results as they stand on file: all rows are checked by their sums, and none may be missing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.journal import failures, rows
from bench.journal.belonging import whole_rows
from bench.journal.sums import damaged
from sizewise.core.errors import RecordError
from sizewise.core.trials import Block, Result, Round


@dataclass(frozen=True, kw_only=True)
class Filed:
    """A result, the identity under which it is on file, and the run that added it."""

    identity: str
    run_id: int
    result: Result


def read_file(connection: sqlite3.Connection) -> tuple[list[sqlite3.Row], list[Filed]]:
    """The rows of all runs, and all results, in the order in which they were added. Call it within
    one transaction. Raises RecordError where a row is damaged or missing."""
    for table, *_ in connection.execute("PRAGMA foreign_key_check"):
        raise damaged(f"A row of the table {table} is damaged", "what it belongs to is missing")
    runs = list(whole_rows(connection, "run", "id"))
    found = list(_results(connection))
    failures.quarantined(connection)  # its rows are checked too
    if len({one.identity for one in found}) < len(found):
        raise damaged("The results are damaged", "a trial stands there twice")
    return runs, found


def _results(connection: sqlite3.Connection) -> Iterator[Filed]:
    blocks = _blocks(connection)
    processes: dict[int, list[sqlite3.Row]] = {}
    for row in whole_rows(connection, "process", "wave_id"):
        processes.setdefault(row["trial_id"], []).append(row)
    accuracies: dict[int, sqlite3.Row] = {}
    for row in whole_rows(connection, "accuracy", "run_id", "data_sha256", "chosen"):
        accuracies[row["trial_id"]] = row  # the latest counts
    for row in whole_rows(connection, "trial", "id"):
        key = row["id"]
        _demand_processes(blocks.get(key, ()), processes.get(key, ()))
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
    for row in whole_rows(connection, "block", "trial_id", "wave_id", "round", "attempt"):
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


def _demand_processes(blocks: Iterable[Block], processes: Iterable[sqlite3.Row]) -> None:
    """Each wave in which a trial has blocks has its process."""
    for wave in {block.wave for block in blocks} - {row["wave_id"] for row in processes}:
        raise _incomplete(wave)


def _incomplete(wave: int) -> RecordError:
    return damaged(
        f"Wave {wave} of the results is damaged", "it does not hold as many rows as were written"
    )
