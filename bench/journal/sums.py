"""Sums of rows: a row whose cells are not those that were written is found out.

The sum of a run or of a wave also counts the rows that belong to it (``bench.journal.belonging``),
so that a row that is missing whole is found out, too.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sizewise.core.errors import RecordError

Counts = Mapping[str, int]
"""Numbers of rows by the names of their tables."""
NOTHING: Counts = MappingProxyType({})

_COLUMN, _LENGTH = "sum", 16
_FORM = "2:"
"""The first sums of schema 3 had no such mark. They covered neither the row's ``id`` nor what
belongs to it, so they tell less; they are read all the same."""


def summed(table: str, row: Mapping[str, Any], belonging: Counts = NOTHING) -> dict[str, Any]:
    """``row`` with its sum: over all its cells, its ``id`` too, and over how many rows of other
    tables belong to it."""
    return dict(row) | {_COLUMN: _FORM + _digest(table, row, belonging)}


def demand_whole(table: str, row: sqlite3.Row, belonging: Counts = NOTHING) -> None:
    """Raises RecordError where ``row``, or what belongs to it, is not as it was written."""
    cells = {name: row[name] for name in row.keys() if name != _COLUMN}  # noqa: SIM118 - no dict
    if row[_COLUMN] == _FORM + _digest(table, cells, belonging):
        return
    cells.pop("id", None)
    if row[_COLUMN] == _digest(table, cells):
        return  # of the first form
    also = f", or {' or '.join(belonging)} rows that belong to it are missing" if belonging else ""
    raise damaged(
        f"A row of the table {table} is damaged{also}", "its sum does not fit what is there"
    )


def damaged(what: str, why: str) -> RecordError:
    """The error of a file that does not hold what was written."""
    todo = "Restore the file from a copy, or measure again into another folder."
    return RecordError(what, why, todo)


def _digest(table: str, row: Mapping[str, Any], belonging: Counts = NOTHING) -> str:
    """By names, types and values, so that no change of a cell is missed: 1 is not 1.0 or '1'."""
    counts = {f"rows of {name}": count for name, count in belonging.items()}
    cells = sorted((counts | dict(row)).items())
    digest = hashlib.sha256(table.encode())
    for name, value in cells:
        if name == _COLUMN:
            continue
        held = value if isinstance(value, bytes) else repr(value).encode()
        digest.update(f"{name} {type(value).__name__} {len(held)} ".encode() + held)
    return digest.hexdigest()[:_LENGTH]
