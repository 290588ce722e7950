"""The rows of a table, each checked by its sum and by how many rows of others belong to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from bench.journal.sums import Counts, damaged, demand_whole

_BELONGING = {"run": ("trial", "wave", "accuracy"), "wave": ("round", "process")}
"""The number of a wave's blocks has a column of its own."""


def counts(connection: sqlite3.Connection, table: str) -> Mapping[int, Counts]:
    """How many rows of which tables belong to each row of ``table``, by its id. Where none does, it
    is left out: see :func:`none`."""
    found: dict[int, dict[str, int]] = {}
    for name in _BELONGING.get(table, ()):
        query = f"SELECT {table}_id, count(*) FROM {name} GROUP BY 1"  # noqa: S608 - names of ours
        for number, count in connection.execute(query):
            found.setdefault(number, dict(none(table)))[name] = count
    return found


def none(table: str) -> Counts:
    """The counts of a row of ``table`` to which nothing belongs."""
    return dict.fromkeys(_BELONGING.get(table, ()), 0)


def whole_rows(
    connection: sqlite3.Connection, table: str, *order: str, only: str = ""
) -> Iterator[sqlite3.Row]:
    """The rows of a table, in the order of these columns: all, or those of a condition in SQL.
    Raises RecordError where one of them, or of what belongs to it, is not as it was written.

    SQLite does not sort by a primary key: it takes the rows as they lie in the file, also where two
    pages of it exchanged their places.
    """
    belonging = counts(connection, table)
    query = f"SELECT * FROM {table}" + (f" WHERE {only}" if only else "")  # noqa: S608 - of ours
    before: tuple[Any, ...] = ()
    for row in connection.execute(query + (f" ORDER BY {', '.join(order)}" if order else "")):
        found = belonging.get(row["id"]) if belonging else None
        demand_whole(table, row, found or none(table))
        place = tuple(row[column] for column in order)
        if place < before:
            raise damaged(f"The rows of the table {table} are damaged", "they are out of order")
        before = place
        yield row
