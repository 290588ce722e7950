"""What a results file holds, whole or damaged, and a sentence about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from bench.journal import database, schema, updates
from bench.journal.opening import reading
from bench.journal.salvage.keeping import OF_RUN, Kept, keep
from bench.journal.salvage.scanning import SINGLE, Scanned
from bench.journal.sums import Counts, damaged

_PLURALS = {"run": "runs", "trial": "trials", "wave": "waves", "accuracy": "accuracies"}


@dataclass(frozen=True, kw_only=True)
class HeldRun:
    """A run, how many trials, waves and accuracies it had, and how many of them are whole."""

    number: int
    started: str
    command: str
    had: Counts
    kept: Counts

    def share(self, table: str) -> str:
        """How many of its rows of a table are whole, of how many: ``10 of 12``, ``12``."""
        kept, had = self.kept[table], self.had[table]
        return str(kept) if kept == had else f"{kept} of {had}"


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a file holds. ``damage`` says what is wrong with it, and is empty where nothing is.
    ``damaged_rows`` are rows that can be read and are not as they were written, by their tables;
    others can't be read at all, and are seen only in what runs had."""

    damage: str
    runs: tuple[HeldRun, ...]
    damaged_rows: Mapping[str, int]
    kept: Kept

    @property
    def summary(self) -> str:
        """What is whole: ``2 runs, 10 of 12 trials, 28 of 30 waves and 4 accuracies``."""
        missing = len(self.kept.lost["run"])
        had = {table: sum(run.had[table] for run in self.runs) for table in OF_RUN}
        had["run"] = len(self.runs) + missing
        counts = [_of(len(self.kept.rows[table]), had[table], table) for table in _PLURALS]
        return f"{', '.join(counts[:-1])} and {counts[-1]}"


def _of(kept: int, had: int, table: str) -> str:
    name = table if had == 1 else _PLURALS[table]
    return f"{kept} {name}" if kept == had else f"{kept} of {had} {name}"


def examine(path: Path) -> Held:
    """Read all that can be read of a results file.

    Raises InputError, RecordError or SchemaVersionError, or an error of SQLite's, where it is no
    results file or nothing can be read.
    """
    with ExitStack() as opened:
        connection = opened.enter_context(reading(path))
        damage = _not_read(connection)
        connection.text_factory = _any_text
        # SQLite reads no file that was cut off otherwise. Nothing is written here.
        connection.execute("PRAGMA writable_schema = ON")
        if updates.check_schema(connection, path) < schema.VERSION:
            copy = updates.updated_copy(connection, path)
            connection = opened.enter_context(closing(copy))
        with database.one_moment(connection, path, None):
            return _held(connection, damage)


def demand_content(path: Path, held: Held) -> None:
    """Raises DamagedRecordError where a file is damaged and no run in it is whole."""
    if held.damage and not held.runs:
        raise damaged(f"Nothing in {path} can be read any more", held.damage)


def _held(connection: sqlite3.Connection, damage: str) -> Held:
    found = Scanned(connection)
    kept = keep(found)
    runs = tuple(
        HeldRun(
            number=row["id"],
            started=row["started"],
            command=row["command"],
            had=kept.had[row["id"]],
            kept=kept.of_run(row["id"]),
        )
        for row in kept.rows["run"]
    )
    wrong = {table: len(found.rows[table]) - len(found.whole[table]) for table in SINGLE}
    wrong["run"] = len(found.rows["run"]) - len(runs)
    wrong = {table: count for table, count in wrong.items() if count}
    is_short = any(run.kept != run.had for run in runs) or any(kept.lost.values())
    return Held(
        damage=damage
        or _damage(connection, sum(wrong.values()), is_short=is_short)
        or _unread(found.interrupted),
        runs=runs,
        damaged_rows=wrong,
        kept=kept,
    )


def _not_read(connection: sqlite3.Connection) -> str:
    """Why SQLite reads no table of the file as it is; empty where it does. Raises where another
    program keeps the file locked."""
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        if database.is_busy(error):
            raise
        return str(error)
    return ""


def _damage(connection: sqlite3.Connection, rows: int, *, is_short: bool) -> str:
    """What is wrong; empty where nothing is."""
    try:
        (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        return " ".join(said.split())
    if rows:
        said = "1 row is not as it was" if rows == 1 else f"{rows} rows are not as they were"
        return f"{said} written"
    return "rows are missing" if is_short else ""


def _unread(tables: Collection[str]) -> str:
    """Why tables have no end, or are not there; empty where there is none such."""
    named = ", ".join(sorted(tables))
    return f"the table {named} can't be read to its end" if tables else ""


def _any_text(data: bytes) -> str:
    """Text of damaged bytes too: its row's sum finds it out."""
    return data.decode("utf-8", "replace")
