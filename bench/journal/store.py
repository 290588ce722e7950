"""The journal of a sweep: one SQLite file, one writer, raw samples; no finished wave is lost."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.journal import database, rows, schema, updates
from bench.journal.reading import read_results
from bench.measured import State, Wave
from sizewise.core.closing import Closing
from sizewise.core.errors import RecordError, SchemaVersionError
from sizewise.core.trials import Accuracy, Build, Result, Run, Trial


def _unsaid(text: str) -> None:
    del text


class Store(Closing):
    """A results file. Its methods raise RecordError where the file is damaged or locked, and
    OutputError where it can't be written; what was committed before stays whole.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        opened: contextlib.ExitStack,
        remark: Callable[[str], None],
    ) -> None:
        self._path = path
        self._connection = connection
        self._opened = opened
        self._remark = remark

    @classmethod
    def open(
        cls, path: Path, *, read_only: bool = False, remark: Callable[[str], None] = _unsaid
    ) -> Store:
        """Open for reading, or for writing (created where it is missing; one writer at a time).

        A writer brings the file of an older sizewise up to date; a reader leaves it as it is.
        ``remark`` is told where another program's lock is waited for. Raises InputError,
        OutputError, RecordError or SchemaVersionError.
        """
        with contextlib.ExitStack() as opened, database.sentences(path):
            if read_only:
                connection = opened.enter_context(database.reading(path))
            else:
                opened.enter_context(database.take_lock(path))
                connection = opened.enter_context(contextlib.closing(database.connect(path)))
                _prepare(connection, path, remark)
            found = _check_schema(connection, path)
            if found < schema.VERSION:
                copy = updates.updated_copy(connection)
                connection = opened.enter_context(contextlib.closing(copy))
            return cls(path, connection, opened.pop_all(), remark)

    def begin_run(self, run: Run) -> int:
        """Store a run (without its results) and give its number."""
        with self._writing():
            return self._insert("run", rows.from_run(run))

    def note(self, run_id: int, trial: Trial, state: State, builds: Iterable[Build] = ()) -> None:
        """Store what is known of a trial; what was measured of it stays, and so does its status
        then: a later failure is a reason beside its figures."""
        with self._writing():
            self._note(run_id, trial, state, tuple(builds))

    def add_wave(self, run_id: int, wave: Wave) -> int:
        """Store a wave whole, or nothing of it, and give its number in the file."""
        with self._writing():
            wave_id = self._insert("wave", rows.from_wave(run_id, wave))
            for measured in wave.rounds:
                self._insert("round", rows.from_round(wave_id, measured))
            for member in wave.members:
                trial_id = self._note(run_id, member.trial, member.state, member.builds)
                self._insert("process", rows.from_member(trial_id, wave_id, member))
                for turned in member.turns:
                    self._insert("block", rows.from_turn(trial_id, wave_id, turned))
        return wave_id

    def add_accuracy(self, run_id: int, trial: Trial, accuracy: Accuracy, reason: str = "") -> None:
        """Store the accuracy of a trial on file, or the ``reason`` why it has none on these data;
        its latencies stay as they are."""
        with self._writing() as connection:
            query = "SELECT id FROM trial WHERE identity = ?"
            (trial_id,) = connection.execute(query, (trial.identity,)).fetchone()
            row = rows.from_accuracy(trial_id, run_id, accuracy, reason)
            connection.execute(rows.insert("accuracy", row, replacing=True), row)

    def results(self) -> Mapping[str, Result]:
        """All results on file, by the identities of their trials."""
        with database.sentences(self._path):
            return {one.identity: one.result for one in read_results(self._connection)}

    def runs(self) -> tuple[Run, ...]:
        """All runs on file with the results of the trials that they added, in the order in which
        they were stored."""
        with database.sentences(self._path):
            added: dict[int, list[Result]] = {}
            for one in read_results(self._connection):
                added.setdefault(one.run_id, []).append(one.result)
            return tuple(
                rows.to_run(row, tuple(added.get(row["id"], ())))
                for row in database.whole_rows(self._connection, "run", "ORDER BY id")
            )

    def close(self) -> None:
        self._opened.close()

    def _note(self, run_id: int, trial: Trial, state: State, builds: tuple[Build, ...]) -> int:
        """The number of the trial's row, which is new, or renewed where something changed."""
        query = "SELECT * FROM trial WHERE identity = ?"
        known = self._connection.execute(query, (trial.identity,)).fetchone()
        if known is None:
            return self._insert("trial", rows.from_trial(run_id, trial, state, builds))
        if self._has_samples(known["id"]):
            state = state.beside_samples
        row = rows.from_trial(known["run_id"], trial, state, builds)
        if row["sum"] != known["sum"]:
            columns = ", ".join(f"{name} = :{name}" for name in row)
            self._connection.execute(
                f"UPDATE trial SET {columns} WHERE identity = :identity",  # noqa: S608 - our names
                row,
            )
        return int(known["id"])

    def _has_samples(self, trial_id: int) -> bool:
        query = "SELECT EXISTS (SELECT 1 FROM block WHERE trial_id = ?)"
        return bool(self._connection.execute(query, (trial_id,)).fetchone()[0])

    def _insert(self, table: str, row: Mapping[str, Any]) -> int:
        return int(self._connection.execute(rows.insert(table, row), row).lastrowid or 0)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is stored, or nothing."""
        with database.sentences(self._path):
            database.begin(self._connection, self._path, self._remark)
            with self._connection as connection:
                yield connection
                database.commit(connection, self._path, self._remark)


def _prepare(connection: sqlite3.Connection, path: Path, remark: Callable[[str], None]) -> None:
    """Create the tables of an empty file, or update those of an older one. A file of another
    program is left unchanged."""
    empty = _scalar(connection, "SELECT count(*) FROM sqlite_master") == 0
    if not empty:
        _check_schema(connection, path)
    database.waited_for(lambda: database.make_durable(connection), path, remark)
    if empty:
        connection.executescript(schema.SCHEMA)
    updates.update(connection)


def _check_schema(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the tables. Raises RecordError and SchemaVersionError."""
    found = int(_scalar(connection, "PRAGMA user_version"))
    if _scalar(connection, "PRAGMA application_id") != schema.APPLICATION_ID or found < 1:
        raise RecordError(
            f"{path} is not a results file of sizewise",
            "it is a database of another program",
            "Give the results.sqlite that sizewise bench wrote.",
        )
    if found > schema.VERSION:
        raise SchemaVersionError(
            f"{path} was written by a newer sizewise",
            f"its schema is version {found}, this sizewise reads up to {schema.VERSION}",
            "Update sizewise.",
        )
    return found


def _scalar(connection: sqlite3.Connection, query: str) -> Any:
    return connection.execute(query).fetchone()[0]
