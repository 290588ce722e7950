"""SQLite files for one writer or for readers, and SQLite's errors as sentences."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TypeVar

import msgspec

from bench.journal.sums import demand_whole
from sizewise.core.errors import InputError, OutputError, RecordError, SizewiseError
from sizewise.core.files import output_error
from sizewise.core.options import spelled

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
T = TypeVar("T")
_NOTICE_S = 3.0
_PATIENCE_S = 600.0
_UNMERGED = ("-journal", "-wal")
_REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing; the file is created where it is missing. Transactions are begun by
    :func:`begin`."""
    return _by_name(sqlite3.connect(path, timeout=_NOTICE_S, isolation_level=None))


def waited_for(work: Callable[[], T], path: Path, remark: Callable[[str], None]) -> T:
    """What ``work`` gives, as soon as no other program keeps it from the file.

    A viewer may hold a lock for as long as its window is open: ``remark`` says so once. Raises
    sqlite3.OperationalError where the lock is still there after ten minutes.
    """
    end_s = time.monotonic() + _PATIENCE_S
    said = False
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > end_s:
                raise
            if not said:
                remark(
                    f"Another program has {path} open and keeps it locked. Nothing is lost: "
                    "close it there, and the sweep goes on by itself."
                )
                said = True


def begin(connection: sqlite3.Connection, path: Path, remark: Callable[[str], None]) -> None:
    """Begin a transaction that writes."""
    waited_for(lambda: connection.execute("BEGIN IMMEDIATE"), path, remark)


def commit(connection: sqlite3.Connection, path: Path, remark: Callable[[str], None]) -> None:
    """Commit it. SQLite keeps a transaction whose commit met a reader's lock."""
    waited_for(lambda: connection.execute("COMMIT"), path, remark)


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def whole_rows(
    connection: sqlite3.Connection, table: str, order: str = ""
) -> Iterator[sqlite3.Row]:
    """The rows of a table, each checked against its sum. Raises RecordError."""
    for row in connection.execute(f"SELECT * FROM {table} {order}"):  # noqa: S608 - names of ours
        demand_whole(table, row)
        yield row


def make_durable(connection: sqlite3.Connection) -> None:
    """Make commits survive a power cut, in one file that opens on a read-only disk."""
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA foreign_keys = ON")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open for reading, on a read-only disk as well. Raises InputError where there is no file, and
    RecordError where there is nothing in it.

    SQLite must write to undo a commit that a killed writer left half done (``-journal``), and to
    read what another program has not merged yet (``-wal``). Where it can't write beside the file, a
    copy is read; taken for frozen, the file alone would lack these results.
    """
    if not path.is_file():
        raise InputError(
            f"{path} can't be opened", "there is no such file", "Run sizewise bench first."
        )
    if not path.stat().st_size:
        raise RecordError(
            f"There is nothing to report in {path}",
            "the file is empty: no result was stored before the sweep ended",
            "Run sizewise bench again.",
        )
    beside = [path.with_name(path.name + end) for end in _UNMERGED]
    unmerged = [one for one in beside if one.exists()]
    writable = os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)
    with ExitStack() as opened:
        if unmerged and not writable:
            folder = Path(opened.enter_context(TemporaryDirectory()))
            for one in (path, *unmerged):
                shutil.copyfile(one, folder / one.name)
            path, writable = folder / path.name, True
        mode = "rw" if unmerged else "ro"
        frozen = "" if writable or unmerged else "&immutable=1"
        uri = f"{path.resolve().as_uri()}?mode={mode}{frozen}"
        yield opened.enter_context(closing(_by_name(sqlite3.connect(uri, uri=True))))


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
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        raise RecordError(f"{path} holds a value that can't be read", why, _COPY) from error


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
