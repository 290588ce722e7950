"""Updates of the tables of a results file that an older sizewise wrote."""

from __future__ import annotations

import sqlite3

from bench.journal import database, schema
from bench.journal.version_2 import update_to_3


def update(connection: sqlite3.Connection) -> None:
    """Update in place, version by version; each step is done whole or not at all."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    for version in range(found + 1, schema.VERSION + 1):
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            _UPDATES[version](connection)
            connection.execute(f"PRAGMA user_version = {version}")


def updated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """An updated copy in memory, read-only: a file that was opened for reading is not written."""
    copy = database.connect_to_memory()
    connection.backup(copy)
    update(copy)
    copy.execute("PRAGMA query_only = ON")
    return copy


def _update_to_2(connection: sqlite3.Connection) -> None:
    """Add first calls, and the parts of a call."""
    connection.execute("ALTER TABLE result ADD COLUMN first_calls TEXT")
    connection.execute("ALTER TABLE result ADD COLUMN parts TEXT")


_UPDATES = {2: _update_to_2, 3: update_to_3}
