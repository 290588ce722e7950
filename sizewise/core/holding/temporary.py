"""Temporary folders that go, however their process ends.

A process that is killed removes nothing. The next one that needs such a folder does: the lock that
was held on it is gone.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sizewise.core.files import OF_WRITES, output_error
from sizewise.core.holding.locks import NoLocksError, try_lock
from sizewise.core.options.declared import spelled_now, spelling

_PREFIX = "sizewise-child-"
_TRIES = 8
_VARIABLE = "TMPDIR"
_cleared: set[str] = set()


@dataclass(frozen=True)
class Claim:
    """A folder that is ours, and the lock on it: None where the system has no locks."""

    folder: Path
    lock: int | None

    def give_back(self) -> None:
        """Remove the folder: call it when all that may write there has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.lock is not None:
            os.close(self.lock)


def claim() -> Claim:
    """A new folder. What processes left that were killed is removed. Raises OSError."""
    _clear_left_overs(Path(tempfile.gettempdir()))
    for _ in range(_TRIES):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _locked(folder)
        if lock is not None and folder.is_dir():
            return Claim(folder, lock)
        if lock is not None:  # another process took it for a left-over before we had locked it
            os.close(lock)
        with suppress(OSError):
            folder.rmdir()
    return Claim(Path(tempfile.mkdtemp(prefix=_PREFIX)), None)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for the block. Raises OutputError where the system gives none."""
    with naming_tmpdir():
        try:
            claimed = claim()
        except OSError as error:
            raise output_error(Path(tempfile.gettempdir()), error) from error
    try:
        yield claimed.folder
    finally:
        claimed.give_back()


@contextmanager
def naming_tmpdir() -> Iterator[None]:
    """Within the block, errors of writes are OutputErrors that name the variable which says where
    temporary folders lie, and no option for a folder: a command may have none, or it would not
    help."""
    usual = spelled_now()
    with spelling(lambda name: _VARIABLE if name == "out" else usual(name)):
        try:
            yield
        except OSError as error:
            if error.errno not in OF_WRITES:
                raise
            named = error.filename if isinstance(error.filename, str) else tempfile.gettempdir()
            raise output_error(Path(named), error) from error


def _clear_left_overs(root: Path) -> None:
    """Remove the folders of processes that were killed; once in each process."""
    if str(root) in _cleared:
        return
    _cleared.add(str(root))
    for folder in root.glob(f"{_PREFIX}*"):
        lock = _locked(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _locked(folder: Path) -> int | None:
    """A lock on a folder of ours, which ends when it is closed; None where it can't be had."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(NoLocksError, OSError):
        if os.fstat(handle).st_uid == os.geteuid() and try_lock(handle):
            return handle
    os.close(handle)
    return None
