"""Drafts of files and folders, and what killed writers left of theirs.

::

    .NAME.TOKEN.part          being written; it will be NAME
    .NAME.TOKEN.part/before   what was NAME until then, for a moment: of folders alone
    .NAME.TOKEN.lock          held by the process that writes it

A draft whose lock nobody holds has no writer any more: the next process that writes a file of that
name removes it. The lock is on a file of its own, since a library may put another file in the place
of a draft, and some network file systems drop a lock when any handle of its file is closed.
"""

from __future__ import annotations

import glob
import os
import re
import secrets
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sizewise.core.holding.locks import NO_LINK, NO_WAIT, NoLocksError, is_at, try_lock

_TOKEN = re.compile(r"[\da-f]{12}")
_TRIES = 8
BEFORE = "before"


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A name beside ``path`` that no process, of whatever container, has had before; the file or
    folder that gets it is removed after the block, where it has that name still."""
    clear_drafts_of(path)
    draft, lock = _locked(path)
    try:
        yield draft
    finally:
        with suppress(OSError):  # a disk that can only be read keeps it
            _remove(draft)
        if lock is not None:
            _let_go(lock, _lock_of(draft))


def _locked(path: Path) -> tuple[Path, int | None]:
    """A draft, and the lock on it: None where there is none to be had, so that a draft that its
    writer leaves stays."""
    for _ in range(_TRIES):
        draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
        lock = _lock_of(draft)
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINK, 0o666)
        except OSError:
            return draft, None  # the draft itself meets the same, and says so
        with suppress(NoLocksError, OSError):
            if try_lock(handle) and is_at(handle, lock):
                return draft, handle
        _let_go(handle, lock)  # another process took it for a left-over before we had locked it
    return draft, None


def clear_drafts(folder: Path, suffixes: Collection[str]) -> None:
    """Remove the drafts in ``folder`` of files with one of ``suffixes`` whose writers are dead."""
    for lock in folder.glob(".*.lock"):
        name, _, token = lock.name[1:].removesuffix(".lock").rpartition(".")
        if _TOKEN.fullmatch(token) and Path(name).suffix in suffixes:
            _clear_one(lock, folder / name)


def clear_drafts_of(path: Path) -> None:
    """Remove the drafts of ``path`` whose writers are dead, as its next writer would."""
    for lock in path.parent.glob(f".{glob.escape(path.name)}.*.lock"):
        token = lock.name.removeprefix(f".{path.name}.").removesuffix(".lock")
        if _TOKEN.fullmatch(token):
            _clear_one(lock, path)


def _clear_one(lock: Path, path: Path) -> None:
    """Remove a draft of ``path``, unless its writer lives. What was there before goes back, where
    the writer was killed between taking it away and putting the new one there."""
    try:
        handle = os.open(lock, os.O_RDWR | NO_LINK | NO_WAIT)
    except OSError:  # gone, or another user's
        return
    try:
        is_file = stat.S_ISREG(os.fstat(handle).st_mode)
        if is_file and try_lock(handle) and is_at(handle, lock):
            draft = lock.with_suffix(".part")
            if not path.exists() and (draft / BEFORE).is_dir():
                (draft / BEFORE).rename(path)
            _remove(draft)
            lock.unlink()
    except (NoLocksError, OSError):
        return
    finally:
        os.close(handle)


def _remove(draft: Path) -> None:
    """Raises OSError."""
    if draft.is_dir() and not draft.is_symlink():
        shutil.rmtree(draft)
    else:
        draft.unlink(missing_ok=True)


def _lock_of(draft: Path) -> Path:
    return draft.with_suffix(".lock")


def _let_go(handle: int, lock: Path) -> None:
    """Remove a lock file of ours, unless another process did."""
    if is_at(handle, lock):
        with suppress(OSError):
            lock.unlink()
    os.close(handle)
