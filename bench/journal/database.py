"""SQLite connections for one writer, and the transactions in which files are written and read."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar

from sizewise.core.errors import RecordError
from sizewise.core.files import demand_file, output_error
from sizewise.core.options.declared import spelled

T = TypeVar("T")
Remark = Callable[[str], None]
_NOTICE_S = 3.0
_PATIENCE_S = 600.0


def connect(path: Path) -> sqlite3.Connection:
    """Open for writing; the file is created where it is missing. Transactions are begun by
    :func:`begin`. Raises InputError as :func:`demand_files` does."""
    demand_files(path)
    return by_name(sqlite3.connect(path, timeout=_NOTICE_S, isolation_level=None))


def demand_files(path: Path) -> None:
    """Raises InputError where what SQLite opens beside a results file is no file: it would wait for
    ever at a pipe."""
    for end in ("-journal", "-wal", "-shm"):
        beside = path.with_name(path.name + end)
        if beside.exists():
            demand_file(beside)


def connect_to_memory() -> sqlite3.Connection:
    return by_name(sqlite3.connect(":memory:", isolation_level=None))


def by_name(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The connection, whose rows give their cells by name."""
    connection.row_factory = sqlite3.Row
    return connection


def waited_for(work: Callable[[], T], path: Path, remark: Remark | None) -> T:
    """What ``work`` gives, as soon as no other program keeps it from the file.

    A viewer may hold a lock for as long as its window is open: ``remark`` says so once. Without
    ``remark`` nobody waits. Raises sqlite3.OperationalError where the lock is still there after ten
    minutes.
    """
    end_s = time.monotonic() + _PATIENCE_S
    said = False
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if remark is None or not is_busy(error) or time.monotonic() > end_s:
                raise
            if not said:
                remark(
                    f"Another program has {path} open and keeps it locked. Nothing is lost: "
                    "close it there, and the sweep goes on by itself."
                )
                said = True


def begin(connection: sqlite3.Connection, path: Path, remark: Remark | None) -> None:
    """Begin a transaction that writes."""
    waited_for(lambda: connection.execute("BEGIN IMMEDIATE"), path, remark)


def commit(connection: sqlite3.Connection, path: Path, remark: Remark | None) -> None:
    """Commit it. SQLite keeps a transaction whose commit met a reader's lock."""
    waited_for(lambda: connection.execute("COMMIT"), path, remark)


@contextmanager
def one_moment(connection: sqlite3.Connection, path: Path, remark: Remark | None) -> Iterator[None]:
    """All that is read within is of the same moment, whatever another program writes meanwhile."""
    connection.execute("BEGIN")
    try:
        waited_for(lambda: is_empty(connection), path, remark)  # the first read sets the moment
        yield
    finally:
        connection.rollback()


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether there is no table yet."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(tables == 0)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another program keeps the file locked."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def make_durable(connection: sqlite3.Connection) -> None:
    """Make commits survive a power cut, in one file that opens on a read-only disk."""
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA foreign_keys = ON")


@contextmanager
def no_empty_file(path: Path) -> Iterator[None]:
    """Remove the file where nothing was written to it, as on a disk without room for its tables:
    an empty file says nothing, and is no results file."""
    try:
        yield
    finally:
        with suppress(OSError):
            if not path.stat().st_size:
                path.unlink()


def take_lock(path: Path) -> IO[str]:
    """Hold ``<path>.lock``; the system releases it when this process ends, however it ends.

    Raises RecordError where another process holds it, InputError where ``path`` is no file, and
    OutputError.
    """
    if path.exists():
        demand_file(path)
    try:
        lock = os.fdopen(_opened(path.with_name(path.name + ".lock")), "a")
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


def _opened(path: Path) -> int:
    """An open file, made where there is none. Raises OSError for a link, and for a pipe that nobody
    reads from, at once."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_NOFOLLOW
    return os.open(path, flags, 0o666)
