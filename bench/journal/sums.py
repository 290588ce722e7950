"""Sums of rows: a row whose cells are not those that were written is found out.

The sum of a run or of a wave also counts the rows that belong to it (``bench.journal.belonging``),
so that a row that is missing whole is found out, too.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from sizewise.core.errors import DamagedRecordError

Counts = Mapping[str, int]
"""Numbers of rows by the names of their tables."""
NOTHING: Counts = MappingProxyType({})

_COLUMN, _LENGTH = "sum", 16
_FORM = "2:"
"""The first sums of schema 3 had no such mark. They covered neither the row's ``id`` nor what
belongs to it, so they tell less; they are read all the same."""
_COUNTED = "rows of "


def summed(table: str, row: Mapping[str, Any], belonging: Counts = NOTHING) -> dict[str, Any]:
    """``row`` with its sum: over all its cells, its ``id`` too, and over how many rows of other
    tables belong to it."""
    return dict(row) | {_COLUMN: _FORM + _digest(table, row, belonging)}


def demand_whole(table: str, row: sqlite3.Row, belonging: Counts = NOTHING) -> None:
    """Raises DamagedRecordError where ``row``, or what belongs to it, is not as it was written."""
    if is_whole(table, row, belonging):
        return
    also = f", or {' or '.join(belonging)} rows that belong to it are missing" if belonging else ""
    raise damaged(
        f"A row of the table {table} is damaged{also}", "its sum does not fit what is there"
    )


def is_whole(table: str, row: sqlite3.Row, belonging: Counts = NOTHING) -> bool:
    """Whether ``row``, and what belongs to it, is as it was written."""
    cells = cells_of(row)
    if row[_COLUMN] == _FORM + _digest(table, cells, belonging):
        return True
    cells.pop("id", None)
    return bool(row[_COLUMN] == _digest(table, cells))  # of the first form


def fitting(table: str, row: sqlite3.Row, tries: Iterable[Counts]) -> Counts | None:
    """The first of ``tries`` at what belonged to ``row`` with which its sum fits: the row itself is
    as it was written then, whatever became of the others. None where there is none."""
    cells, wanted = cells_of(row), str(row[_COLUMN])
    if not wanted.startswith(_FORM):
        return None
    before = hashlib.sha256(table.encode())
    _take(before, {name: value for name, value in cells.items() if name < _COUNTED})
    after = {name: value for name, value in cells.items() if name > _COUNTED}
    for counts in tries:
        digest = before.copy()
        _take(digest, _counted(counts))
        _take(digest, after)
        if wanted == _FORM + digest.hexdigest()[:_LENGTH]:
            return counts
    return None


def cells_of(row: sqlite3.Row) -> dict[str, Any]:
    """The cells of a row by name, without its sum."""
    return {name: row[name] for name in row.keys() if name != _COLUMN}  # noqa: SIM118 - no dict


def damaged(what: str, why: str) -> DamagedRecordError:
    """The error of a file that does not hold what was written."""
    todo = "Restore the file from a copy, or measure again into another folder."
    return DamagedRecordError(what, why, todo)


def _digest(table: str, row: Mapping[str, Any], belonging: Counts = NOTHING) -> str:
    digest = hashlib.sha256(table.encode())
    _take(digest, _counted(belonging) | dict(row))
    return digest.hexdigest()[:_LENGTH]


def _counted(belonging: Counts) -> dict[str, Any]:
    return {f"{_COUNTED}{name}": count for name, count in belonging.items()}


def _take(digest: Any, cells: Mapping[str, Any]) -> None:
    """By names, types and values, so that no change of a cell is missed: 1 is not 1.0 or '1'."""
    for name, value in sorted(cells.items()):
        if name == _COLUMN:
            continue
        held = value if isinstance(value, bytes) else repr(value).encode()
        digest.update(f"{name} {type(value).__name__} {len(held)} ".encode() + held)
