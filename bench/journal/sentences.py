"""SQLite's errors as sentences, and what can still be read of a file that is damaged."""

from __future__ import annotations

import errno
import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.journal.salvage.examining import examine
from bench.journal.sums import damaged
from sizewise.core.errors import DamagedRecordError, OutputError, RecordError, SizewiseError
from sizewise.core.files import OF_WRITES, output_error, refusal
from sizewise.core.options.declared import spelled

_UNWRITTEN = (
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC),
    *(sqlite3.SQLITE_IOERR_DIR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_DELETE),
    sqlite3.SQLITE_IOERR_CLOSE,
)
_REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_VALUES = (
    *(msgspec.ValidationError, msgspec.DecodeError),
    *(ValueError, TypeError, LookupError, OverflowError, RecursionError),
)
"""Errors of values that can't be read back."""


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Raise SQLite's errors, and values that can't be read back, as OutputError or RecordError. One
    that says that the file is damaged also says what can still be saved, and how."""
    try:
        yield
    except DamagedRecordError as error:
        told = _with_salvage(path, error)
        if told is error:
            raise
        raise told from error
    except sqlite3.Error as error:
        raise _with_salvage(path, _translated(path, error)) from error
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        what = f"{path} holds a value that can't be read"
        raise _with_salvage(path, damaged(what, str(error))) from error
    except _VALUES as error:
        what, why = f"{path} holds a value that can't be read", f"{type(error).__name__}: {error}"
        raise _with_salvage(path, damaged(what, why)) from error


def _with_salvage(path: Path, error: SizewiseError) -> SizewiseError:
    """``error`` with what can still be read, where it is of a damaged file that holds something."""
    if not isinstance(error, DamagedRecordError):
        return error
    try:
        held = examine(path)
    except (SizewiseError, sqlite3.Error, *_VALUES):
        return error  # nothing can be read: it says all that there is to say
    if not held.damage or not held.runs:
        return error
    todo = (
        f"Restore the file from a copy, or save what can still be read ({held.summary}): "
        f"sizewise results {shlex.quote(str(path))} --salvage NEW.sqlite"
    )
    return DamagedRecordError(error.what, error.why, todo)


def _of_the_system(path: Path) -> OutputError | None:
    """What the system itself says to a write there, where it refuses one now: SQLite says neither
    why a file can't be made nor why a write failed."""
    refused = refusal(path.parent)
    known = refused is not None and refused.errno in (*OF_WRITES, errno.EIO)
    return output_error(path, refused) if refused is not None and known else None


def _translated(path: Path, error: sqlite3.Error) -> SizewiseError:
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if extended in _UNWRITTEN:
        todo = "Free some space and run the same command again; the results so far are intact."
        return _of_the_system(path) or OutputError(f"{path} can't be written", str(error), todo)
    if code in _REFUSED:
        todo = f"Get permission to write it, or choose another folder with {spelled('out')}."
        return _of_the_system(path) or OutputError(f"{path} can't be written", str(error), todo)
    if code == sqlite3.SQLITE_BUSY:
        return RecordError(
            f"{path} is locked",
            "another program writes to it, or has it open for itself alone",
            "Close the program that has it open, or wait until it is done.",
        )
    if code == sqlite3.SQLITE_CONSTRAINT:
        todo = "Nothing was changed; run the same command again."
        return RecordError(f"{path} has a result of this trial already", str(error), todo)
    return damaged(f"{path} can't be read as a results file", _in_short(str(error)))


def _in_short(said: str) -> str:
    """SQLite's words, without the bytes that are no text: there may be many."""
    found = re.match(r"Could not decode to UTF-8 column '(\w+)'", said)
    return f"its column {found[1]} holds bytes that are no text" if found else said
