"""SQLite's errors as sentences."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.journal.sums import damaged
from sizewise.core.errors import OutputError, RecordError, SizewiseError
from sizewise.core.options.declared import spelled

_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE)
_REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Raise SQLite's errors, and values that can't be read back, as OutputError or RecordError."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(path, error) from error
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise damaged(f"{path} holds a value that can't be read", str(error)) from error
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        raise damaged(f"{path} holds a value that can't be read", why) from error


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
    return damaged(f"{path} can't be read as a results file", str(error))
