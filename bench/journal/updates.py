"""Creation of a results file, and updates of the tables of one that an older sizewise wrote."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bench.journal import database, schema
from bench.journal.failures import has_table
from bench.journal.sums import damaged
from bench.journal.version_2 import demand_agreement, update_to_3
from sizewise.core.errors import RecordError, SchemaVersionError

_LEAST_BYTES = 512
"""Of a database. SQLite takes a shorter file for an empty one, and would write over what is left of
it."""


def prepare(connection: sqlite3.Connection, path: Path, remark: database.Remark) -> None:
    """Create the tables of an empty file, or update those of an older one. A file of another
    program, and one that is damaged, is left unchanged. Raises RecordError and SchemaVersionError.
    """
    empty = database.waited_for(lambda: database.is_empty(connection), path, remark)
    if not empty:
        check_schema(connection, path)
        _demand_sound(connection, path)
        if _version(connection) < schema.VERSION:
            demand_agreement(connection, path)
    elif 0 < path.stat().st_size < _LEAST_BYTES:
        raise damaged(f"{path} is damaged", "it was cut off within its first bytes")
    database.waited_for(lambda: database.make_durable(connection), path, remark)
    if empty:
        _create(connection, path, remark)
    _update(connection, path, remark)
    for table, statement in schema.LATER.items():
        if not has_table(connection, table):
            _add_table(connection, path, remark, statement)


def updated_copy(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """An updated copy in memory, read-only: a file that was opened for reading is not written."""
    copy = database.connect_to_memory()
    connection.backup(copy)
    _update(copy, path, None)
    copy.execute("PRAGMA query_only = ON")
    return copy


def check_schema(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the tables. Raises RecordError and SchemaVersionError."""
    if database.is_empty(connection):  # its writer was killed before it made the tables
        raise RecordError(
            f"There is nothing to report in {path}",
            "it has no tables: no result was stored before the sweep ended",
            "Run sizewise bench again.",
        )
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != schema.APPLICATION_ID or found < 1:
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
    _demand_plain(connection, path)
    return int(found)


def _demand_plain(connection: sqlite3.Connection, path: Path) -> None:
    """Raises RecordError where a file holds more than tables with rows. One of others may have a
    view in the place of a table, whose rows never end; a trigger, which deletes what is stored; or
    columns that are computed when they are read."""
    # As bytes: a damaged text can't be read, and harms nothing there.
    query = "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(sql AS BLOB) FROM sqlite_master"
    for cells in connection.execute(query).fetchall():
        kind, name, text = ((cell or b"").decode(errors="replace").lower() for cell in cells)
        if kind == "trigger":
            raise _not_plain(path, f"its trigger {name} would run when results are stored")
        if name not in schema.NAMES:
            continue
        if kind == "view" or (kind == "table" and "virtual" in text):
            raise _not_plain(path, f"{name} is no table in it, but computed")
        columns = "SELECT max(hidden) FROM pragma_table_xinfo(?)"
        if connection.execute(columns, (name,)).fetchone()[0]:
            raise _not_plain(path, f"its table {name} has columns that are computed")


def _not_plain(path: Path, why: str) -> RecordError:
    what = f"{path} is not a results file of sizewise"
    return RecordError(what, why, "Give the results.sqlite that sizewise bench wrote.")


def _demand_sound(connection: sqlite3.Connection, path: Path) -> None:
    """Nothing is added to a damaged file: where an index lacks a trial, it would be added twice."""
    (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        raise damaged(f"{path} is damaged", " ".join(said.split()))


def _create(connection: sqlite3.Connection, path: Path, remark: database.Remark) -> None:
    database.begin(connection, path, remark)
    with connection:
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema.VERSION}")
        schema.create_tables(connection)
        database.commit(connection, path, remark)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _update(connection: sqlite3.Connection, path: Path, remark: database.Remark | None) -> None:
    """Update in place, version by version; each step is done whole or not at all."""
    for version in range(_version(connection) + 1, schema.VERSION + 1):
        database.begin(connection, path, remark)
        with connection:
            _UPDATES[version](connection)
            connection.execute(f"PRAGMA user_version = {version}")
            database.commit(connection, path, remark)


def _add_table(
    connection: sqlite3.Connection, path: Path, remark: database.Remark, statement: str
) -> None:
    """Add a table to a file that was made before it."""
    database.begin(connection, path, remark)
    with connection:
        connection.execute(statement)
        database.commit(connection, path, remark)


def _update_to_2(connection: sqlite3.Connection) -> None:
    """Add first calls, and the parts of a call."""
    connection.execute("ALTER TABLE result ADD COLUMN first_calls TEXT")
    connection.execute("ALTER TABLE result ADD COLUMN parts TEXT")


_UPDATES = {2: _update_to_2, 3: update_to_3}
