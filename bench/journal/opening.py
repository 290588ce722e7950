"""Opening a results file for reading, wherever it lies and whatever was left beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.journal.database import by_name, demand_files
from sizewise.core.errors import InputError, RecordError
from sizewise.core.files import demand_file

_UNMERGED = ("-journal", "-wal")
_COPIES, _PAUSE_S = 20, 0.05
_WRITTEN_BY, _WAL = 18, 2
"""The byte of the file that tells whether it is in WAL mode, and its value there."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open for reading, on a read-only disk as well. Raises InputError where there is no file that
    can be read, and RecordError where there is nothing in it.

    SQLite must write to undo a commit that a killed writer left half done (``-journal``), and to
    read what another program has not merged yet (``-wal``). Where it can't write beside the file, a
    copy is read; taken for frozen, the file alone would lack these results.
    """
    with ExitStack() as opened:
        try:
            _demand_content(path)
            demand_files(path)
            uri = _uri(path, opened)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            todo = "Get permission to read it, and free some space for temporary files."
            raise InputError(f"{path} can't be opened", why, todo) from error
        connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        yield opened.enter_context(closing(by_name(connection)))


def _demand_content(path: Path) -> None:
    if path.is_dir():
        raise InputError(
            f"{path} can't be opened",
            "it is a folder, and not a file",
            "Give the results file in it: results.sqlite.",
        )
    if path.exists():
        demand_file(path)
    else:
        raise InputError(
            f"{path} can't be opened", "there is no such file", "Run sizewise bench first."
        )
    if not path.stat().st_size:
        raise RecordError(
            f"There is nothing to report in {path}",
            "the file is empty: no result was stored before the sweep ended",
            "Run sizewise bench again.",
        )


def _uri(path: Path, opened: ExitStack) -> str:
    """The address under which SQLite can read the file, or a copy, which ``opened`` removes."""
    writable = os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)
    if len(_parts(path)) > 1 and not writable:
        folder = Path(opened.enter_context(TemporaryDirectory()))
        path, writable = _copied(path, folder), True
    mode = "rw" if len(_parts(path)) > 1 else "ro"
    # Its -shm can't be made there. No other file is taken for frozen: the sweep of another user may
    # be writing to it, and SQLite's locks tell when.
    frozen = "" if writable or not _is_in_wal_mode(path) else "&immutable=1"
    return f"{path.resolve().as_uri()}?mode={mode}{frozen}"


def _parts(path: Path) -> list[Path]:
    """The file, and what belongs to it beside it."""
    beside = [path.with_name(path.name + end) for end in _UNMERGED]
    return [path, *(one for one in beside if one.exists())]


def _copied(path: Path, folder: Path) -> Path:
    """A copy in ``folder``, of a moment in which nothing was written. Raises RecordError where
    there is none."""
    for _ in range(_COPIES):
        parts = _parts(path)
        with suppress(FileNotFoundError):  # a commit ended meanwhile
            before = [_stamp(one) for one in parts]
            for one in parts:
                shutil.copyfile(one, folder / one.name)
            if parts == _parts(path) and before == [_stamp(one) for one in parts]:
                return folder / path.name
        for one in folder.iterdir():
            one.unlink()
        time.sleep(_PAUSE_S)
    raise RecordError(
        f"{path} can't be read now",
        "another program keeps writing to it",
        "Wait for the sweep to end.",
    )


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_in_wal_mode(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(_WRITTEN_BY + 1)[_WRITTEN_BY:] == bytes([_WAL])
