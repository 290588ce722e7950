"""Rows of a damaged file: all that SQLite still finds, before a damaged place, behind it and beside
it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress

from bench.journal.database import is_busy
from bench.journal.sums import is_whole

KEYS: Mapping[str, tuple[str, ...]] = {
    "run": ("id",),
    "trial": ("id",),
    "wave": ("id",),
    "round": ("wave_id", "number", "attempt"),
    "block": ("trial_id", "wave_id", "round", "attempt"),
    "process": ("trial_id", "wave_id"),
    "accuracy": ("trial_id", "data_sha256", "chosen"),
}
"""The primary key of each table, by which its rows are ordered in the file. A table stands behind
those that its rows belong to."""
SINGLE = ("trial", "round", "block", "process", "accuracy")
"""Tables to whose rows nothing belongs: the sum of such a row says all by itself."""
_NAMED_BY = {
    "run": (("trial", "run_id"), ("accuracy", "run_id")),
    "trial": (("trial", "id"), ("block", "trial_id"), ("process", "trial_id")),
    "wave": (("round", "wave_id"), ("block", "wave_id"), ("process", "wave_id")),
}
"""The columns of single rows that hold numbers of runs, trials and waves."""

Rows = list[sqlite3.Row]
Numbers = Mapping[str, Iterable[int]]
"""The numbers that rows of the tables ``run``, ``trial`` and ``wave`` may have."""


class Scanned:
    """The rows of a file by their tables: ``rows`` are all that were found, each once, ``whole``
    those of single tables that are as they were written. ``named`` are the numbers of runs, trials
    and waves that whole rows name. Tables that SQLite could not read to the end are
    ``interrupted``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Call it within one transaction. Raises sqlite3.OperationalError where another program
        keeps the file locked."""
        self._connection = connection
        self.rows: dict[str, Rows] = {}
        self.interrupted: set[str] = set()
        for table in KEYS:
            self.rows[table], complete = self._within(table, (), {})
            if not complete:
                self.interrupted.add(table)
        self.whole = self._whole()
        numbers = {table: range(1, 1 + max(found, default=0)) for table, found in self._named()}
        for table in self.interrupted:
            self.rows[table], _ = self._within(table, (), numbers)
        if self.interrupted:
            self.whole = self._whole()
        self.named = dict(self._named())

    def _whole(self) -> dict[str, Rows]:
        return {table: [r for r in self.rows[table] if is_whole(table, r)] for table in SINGLE}

    def _named(self) -> Iterable[tuple[str, set[int]]]:
        for table, columns in _NAMED_BY.items():
            yield table, {row[column] for name, column in columns for row in self.whole[name]}

    def _within(self, table: str, values: tuple[int, ...], numbers: Numbers) -> tuple[Rows, bool]:
        """The rows whose keys begin with ``values``, and whether these are all: forwards up to an
        error, then backwards, then for each number that the next part of the key may have."""
        key = KEYS[table]
        where = " AND ".join(f"{name} = ?" for name in key[: len(values)]) or "1"
        found: dict[sqlite3.Row, None] = {}
        for direction in ("ASC", "DESC"):
            order = ", ".join(f"{name} {direction}" for name in key)
            query = f"SELECT * FROM {table} WHERE {where} ORDER BY {order}"  # noqa: S608 - of ours
            rows, complete = self._read(query, values)
            found |= dict.fromkeys(rows)
            if complete:
                return list(found), True
        for number in numbers.get(_table_of(table, key[len(values) :]), ()):
            found |= dict.fromkeys(self._within(table, (*values, number), numbers)[0])
        return list(found), False

    def _read(self, query: str, values: tuple[int, ...]) -> tuple[Rows, bool]:
        """The rows of a query up to an error, and whether there was none."""
        found: Rows = []
        try:
            found.extend(self._connection.execute(query, values))
        except sqlite3.DatabaseError as error:
            if is_busy(error):
                raise
            # Python steps on before it gives a row, so the one before the error is not there yet.
            with suppress(sqlite3.DatabaseError):
                last = f"{query} LIMIT 1 OFFSET {len(found)}"
                found.extend(self._connection.execute(last, values))
            return found, False
        return found, True


def _table_of(table: str, key: tuple[str, ...]) -> str:
    """The table whose number is the first column of ``key``, the rest of the key of ``table``."""
    first = key[0] if key else ""
    return {"id": table, "trial_id": "trial", "wave_id": "wave"}.get(first, "")
