"""Adding rows, each with its sum, within a transaction that writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bench.journal import rows
from bench.journal.belonging import counts, none
from bench.journal.sums import Counts, damaged, demand_whole, summed
from bench.waves.measured import Wave

_NUMBERED = ("run", "trial", "wave")


def add(
    connection: sqlite3.Connection,
    table: str,
    row: Mapping[str, Any],
    belonging: Counts | None = None,
    *,
    replacing: bool = False,
) -> int:
    """Add a row, and give its number (0 in a table without numbers). ``belonging`` is what will
    belong to it: nothing, where it is not given."""
    if table in _NUMBERED and "id" not in row:
        query = f"SELECT coalesce(max(id), 0) + 1 FROM {table}"  # noqa: S608 - names of ours
        (number,) = connection.execute(query).fetchone()
        row = {"id": number, **row}
    whole = summed(table, row, none(table) if belonging is None else belonging)
    names, places = ", ".join(whole), ", ".join(f":{name}" for name in whole)
    verb = "INSERT OR REPLACE" if replacing else "INSERT"
    connection.execute(f"{verb} INTO {table} ({names}) VALUES ({places})", whole)
    return int(whole.get("id", 0))


def add_wave(
    connection: sqlite3.Connection, run_id: int, wave: Wave, trial_ids: Sequence[int]
) -> int:
    """Add a wave and all that belongs to it, and give its number. ``trial_ids`` are those of its
    members, in their order."""
    belonging = {"round": len(wave.rounds), "process": len(wave.members)}
    wave_id = add(connection, "wave", rows.from_wave(run_id, wave), belonging)
    for measured in wave.rounds:
        add(connection, "round", rows.from_round(wave_id, measured))
    for trial_id, member in zip(trial_ids, wave.members, strict=True):
        add(connection, "process", rows.from_member(trial_id, wave_id, member))
        for turned in member.turns:
            add(connection, "block", rows.from_turn(trial_id, wave_id, turned))
    return wave_id


@contextmanager
def growing(connection: sqlite3.Connection, *runs: int) -> Iterator[None]:
    """Count what is added to these runs in their sums. Raises RecordError where one is not whole
    before: it gets no new sum."""
    for run in runs:
        demand_whole("run", *_run(connection, run))
    yield
    for run in runs:
        seal(connection, run)


def seal(connection: sqlite3.Connection, run: int) -> None:
    """Count what belongs to a run now in its sum. Raises RecordError where there is no such run."""
    row, belonging = _run(connection, run)
    connection.execute(
        "UPDATE run SET sum = :sum WHERE id = :id", summed("run", dict(row), belonging)
    )


def _run(connection: sqlite3.Connection, run: int) -> tuple[sqlite3.Row, Counts]:
    row = connection.execute("SELECT * FROM run WHERE id = ?", (run,)).fetchone()
    if row is None:
        raise damaged(f"Run {run} of the results is missing", "results belong to a run on file")
    return row, counts(connection, "run").get(run, none("run"))
