"""The journal of a sweep: one SQLite file, one writer, raw samples; no finished trial is lost."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.journal import database, rows, schema, updates
from sizewise.core.closing import Closing
from sizewise.core.errors import RecordError, SchemaVersionError
from sizewise.core.trials import Block, Result, Run, Status


class Store(Closing):
    """A results file. Its methods raise RecordError where the file is damaged or locked, and
    OutputError where it can't be written; what was committed before stays whole.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, opened: contextlib.ExitStack
    ) -> None:
        self._path = path
        self._connection = connection
        self._opened = opened

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Store:
        """Open for reading, or for writing (created where it is missing; one writer at a time).

        A writer brings the file of an older sizewise up to date; a reader leaves it as it is.
        Raises InputError, OutputError, RecordError or SchemaVersionError.
        """
        connect = database.connect_to_read if read_only else database.connect
        with contextlib.ExitStack() as opened, database.sentences(path):
            if not read_only:
                opened.enter_context(database.take_lock(path))
            connection = opened.enter_context(contextlib.closing(connect(path)))
            if not read_only:
                _prepare(connection, path)
            found = _check_schema(connection, path)
            if found < schema.VERSION:
                copy = updates.updated_copy(connection)
                connection = opened.enter_context(contextlib.closing(copy))
            return cls(path, connection, opened.pop_all())

    def begin_run(self, run: Run) -> int:
        """Store a run (without its results) and give its number."""
        with database.sentences(self._path), self._connection as connection:
            return int(connection.execute(schema.INSERT_RUN, rows.from_run(run)).lastrowid or 0)

    def statuses(self, identities: Iterable[str]) -> dict[str, Status]:
        """The status of each of ``identities`` that is on file."""
        wanted = set(identities)
        with database.sentences(self._path):
            found = self._connection.execute("SELECT identity, status FROM result").fetchall()
        return {identity: status for identity, status in found if identity in wanted}

    def finished(self, identities: Iterable[str]) -> set[str]:
        """Those of ``identities`` that need not be measured. A trial that failed is tried again; so
        is one that lacked a back end or a file, which may be there by now."""
        wanted = set(identities)
        with database.sentences(self._path):
            found = self._connection.execute(schema.FINISHED).fetchall()
        return {identity for (identity,) in found if identity in wanted}

    def without_figures(self, identities: Iterable[str]) -> tuple[Result, ...]:
        """Those of ``identities`` that are on file with another status than ``ok``."""
        wanted = set(identities)
        with database.sentences(self._path):
            found = self._connection.execute(schema.WITHOUT_FIGURES).fetchall()
            return tuple(rows.to_result(row, ()) for row in found if row["identity"] in wanted)

    def add_results(self, run_id: int, results: Iterable[Result]) -> None:
        """Store all of ``results`` or none; each replaces an unfinished one of the same trial.

        Raises RecordError where a trial is finished already.
        """
        with database.sentences(self._path), self._connection as connection:
            for result in results:
                row = rows.from_result(run_id, result)
                connection.execute(schema.FORGET_FAILURE, row)
                number = int(connection.execute(schema.INSERT_RESULT, row).lastrowid or 0)
                blocks = (rows.from_block(number, block) for block in result.blocks)
                connection.executemany(schema.INSERT_BLOCK, blocks)

    def runs(self) -> tuple[Run, ...]:
        """All runs on file with their results, in the order in which they were stored."""
        with database.sentences(self._path):
            blocks = self._blocks()
            results: dict[int, list[Result]] = {}
            for row in self._connection.execute("SELECT * FROM result ORDER BY id"):
                filed = rows.to_result(row, tuple(blocks.get(row["id"], ())))
                results.setdefault(row["run_id"], []).append(filed)
            return tuple(
                rows.to_run(row, tuple(results.get(row["id"], ())))
                for row in self._connection.execute("SELECT * FROM run ORDER BY id")
            )

    def close(self) -> None:
        self._opened.close()

    def _blocks(self) -> dict[int, list[Block]]:
        found: dict[int, list[Block]] = {}
        for row in self._connection.execute("SELECT * FROM block"):
            found.setdefault(row["result_id"], []).append(rows.to_block(row))
        return found


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables of an empty file, or update those of an older one. A file of another
    program is left unchanged."""
    empty = _scalar(connection, "SELECT count(*) FROM sqlite_master") == 0
    if not empty:
        _check_schema(connection, path)
    database.make_durable(connection)
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
