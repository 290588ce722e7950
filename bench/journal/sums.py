"""Sums of rows: a row whose columns are not those that were written is found out."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Any

from sizewise.core.errors import RecordError

_COLUMN, _LENGTH = "sum", 16


def summed(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """``row`` with its sum. Its numbers of rows elsewhere count, its own ``id`` does not: SQLite
    gives it later."""
    return dict(row) | {_COLUMN: _sum(table, row)}


def demand_whole(table: str, row: sqlite3.Row) -> None:
    """Raises RecordError where ``row`` is not as it was written."""
    columns = {name: row[name] for name in row.keys() if name != _COLUMN}  # noqa: SIM118 - no dict
    if row[_COLUMN] != _sum(table, columns):
        raise RecordError(
            f"A row of the table {table} is damaged",
            "its sum does not fit what it holds",
            "Restore the file from a copy, or measure again into another folder.",
        )


def _sum(table: str, row: Mapping[str, Any]) -> str:
    """By names, types and values, so that no change of a cell is missed: 1 is not 1.0 or '1'."""
    cells = sorted((name, value) for name, value in row.items() if name not in (_COLUMN, "id"))
    digest = hashlib.sha256(table.encode())
    for name, value in cells:
        held = value if isinstance(value, bytes) else repr(value).encode()
        digest.update(f"{name} {type(value).__name__} {len(held)} ".encode() + held)
    return digest.hexdigest()[:_LENGTH]
