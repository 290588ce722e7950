"""SQLite files for one writer or for readers, and SQLite's errors as sentences."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from sizewise.core.errors import InputError, OutputError, RecordError, SizewiseError
from sizewise.core.files import output_error
from sizewise.core.options import spelled

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
_REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing; the file is created where it is missing."""
    return _by_name(sqlite3.connect(path))


def make_durable(connection: sqlite3.Connection) -> None:
    """Make commits survive a power cut, in one file that opens on a read-only disk."""
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA foreign_keys = ON")


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open for reading, on a read-only disk as well. Raises InputError where there is no file.

    SQLite writes locks beside the file, unless it knows that nobody else can write it. It must
    also write to undo a commit that a killed writer left half done (its ``-journal`` shows it).
    """
    if not path.is_file():
        raise InputError(
            f"{path} can't be opened", "there is no such file", "Run sizewise bench first."
        )
    interrupted = path.with_name(path.name + "-journal").exists()
    writable = os.access(path.parent, os.W_OK)
    mode = "rw" if interrupted and writable else "ro"
    frozen = "" if interrupted or writable else "&immutable=1"
    uri = f"{path.resolve().as_uri()}?mode={mode}{frozen}"
    return _by_name(sqlite3.connect(uri, uri=True))


def connect_to_memory() -> sqlite3.Connection:
    return _by_name(sqlite3.connect(":memory:"))


def _by_name(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.row_factory = sqlite3.Row
    return connection


def take_lock(path: Path) -> IO[str]:
    """Hold ``<path>.lock``; the system releases it when this process ends, however it ends.

    Raises RecordError where another process holds it, and OutputError.
    """
    try:
        lock = path.with_name(path.name + ".lock").open("a")
    except OSError as error:
        raise output_error(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise RecordError(
            f"{path} is in use by another sizewise process",
            "only one sweep at a time can write to a results file",
            f"Wait for it to end, or choose another folder with {spelled('out')}.",
        ) from error
    return lock


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Raise SQLite's errors, and values that can't be read back, as OutputError or RecordError."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(path, error) from error
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise RecordError(f"{path} holds a value that can't be read", str(error), _COPY) from error


_COPY = "Restore the file from a copy, or measure again into another folder."


def _translated(path: Path, error: sqlite3.Error) -> SizewiseError:
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if extended in _FULL:
        todo = "Free some space and run the same command again; the results so far are intact."
        return OutputError(f"{path} can't be written", str(error), todo)
    if code in _REFUSED:
        todo = f"Get permission to write it, or choose another folder with {spelled('out')}."
        return OutputError(f"{path} can't be written", str(error), todo)
    if code == sqlite3.SQLITE_BUSY:
        return RecordError(f"{path} is locked", str(error), "Close the program that has it open.")
    if code == sqlite3.SQLITE_CONSTRAINT:
        todo = "Nothing was changed; run the same command again."
        return RecordError(f"{path} has a result of this trial already", str(error), todo)
    return RecordError(f"{path} can't be read as a results file", str(error), _COPY)
