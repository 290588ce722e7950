"""Results as they stand on file: all rows are checked by their sums, and none may be missing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.journal import failures, rows
from bench.journal.belonging import whole_rows
from bench.journal.sums import damaged
from sizewise.core.errors import RecordError
from sizewise.core.trials import Block, Result


@dataclass(frozen=True, kw_only=True)
class Filed:
    """A result, the identity under which it is on file, and the run that added it."""

    identity: str
    run_id: int
    result: Result


def read_file(
    connection: sqlite3.Connection, *, samples: bool = True
) -> tuple[list[sqlite3.Row], list[Filed]]:
    """The rows of all runs, and all results, in the order in which they were added; those have no
    blocks without ``samples``. Call it within one transaction. Raises RecordError where a row is
    damaged or missing."""
    for table, *_ in connection.execute("PRAGMA foreign_key_check"):
        raise damaged(f"A row of the table {table} is damaged", "what it belongs to is missing")
    runs = list(whole_rows(connection, "run", "id"))
    found = list(_results(connection, samples=samples))
    failures.quarantined(connection)  # its rows are checked too
    failures.quarantined_accuracies(connection)
    if len({one.identity for one in found}) < len(found):
        raise damaged("The results are damaged", "a trial stands there twice")
    return runs, found


def _results(connection: sqlite3.Connection, *, samples: bool) -> Iterator[Filed]:
    blocks = _blocks(connection, samples=samples)
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


def read_blocks(
    connection: sqlite3.Connection, trial_ids: Sequence[int]
) -> Mapping[int, Sequence[Block]]:
    """The blocks of some trials, by their numbers, wave by wave. Raises RecordError."""
    trials = f"trial_id IN ({', '.join(map(str, trial_ids))})"
    within = f"IN (SELECT wave_id FROM process WHERE {trials})"  # noqa: S608 - numbers of ours
    waves = _waves(connection, only=f"id {within}")
    found: dict[int, list[Block]] = {}
    for trial_id, block in _joined(connection, waves, rounds=f"wave_id {within}", blocks=trials):
        found.setdefault(trial_id, []).append(block)
    return found


def _blocks(connection: sqlite3.Connection, *, samples: bool) -> dict[int, list[Block]]:
    """The blocks of each trial, wave by wave: all are checked, and kept with ``samples``."""
    waves = _waves(connection)
    found: dict[int, list[Block]] = {}
    counted = dict.fromkeys(waves, 0)
    for trial_id, block in _joined(connection, waves):
        counted[block.wave] += 1
        if samples:
            found.setdefault(trial_id, []).append(block)
    for number, count in counted.items():
        if count != waves[number]["blocks"]:
            raise _incomplete(number)
    return found


def _waves(connection: sqlite3.Connection, *, only: str = "") -> dict[int, sqlite3.Row]:
    return {row["id"]: row for row in whole_rows(connection, "wave", only=only)}


def _joined(
    connection: sqlite3.Connection,
    waves: Mapping[int, sqlite3.Row],
    *,
    rounds: str = "",
    blocks: str = "",
) -> Iterator[tuple[int, Block]]:
    """Blocks with the numbers of their trials, in order: all, or those of these conditions."""
    known = {
        (row["wave_id"], row["number"], row["attempt"]): rows.to_round(row)
        for row in whole_rows(connection, "round", only=rounds)
    }
    order = ("trial_id", "wave_id", "round", "attempt")
    for row in whole_rows(connection, "block", *order, only=blocks):
        key = (row["wave_id"], row["round"], row["attempt"])
        if key not in known or key[0] not in waves:
            raise _incomplete(key[0])
        yield row["trial_id"], rows.to_block(row, waves[key[0]], known[key])


def _demand_processes(blocks: Iterable[Block], processes: Iterable[sqlite3.Row]) -> None:
    """Each wave in which a trial has blocks has its process."""
    for wave in {block.wave for block in blocks} - {row["wave_id"] for row in processes}:
        raise _incomplete(wave)


def _incomplete(wave: int) -> RecordError:
    return damaged(
        f"Wave {wave} of the results is damaged", "it does not hold as many rows as were written"
    )
