"""Engines in use, which nobody may evict: those that are open, and those that a process was given.

An open engine has a shared lock on its manifest. A process that was given engines of a folder has
one on the folder for as long as it lives: it may open them at any time.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engines.store.contents import MANIFEST
from engines.store.locks import hold_shared, share
from sizewise.core.holding.locks import NO_WAIT, NoLocksError, try_lock

_MOST_FOLDERS = 32
"""Of which a process holds an open handle; the first ones are let go for more."""

_folders: OrderedDict[Path, int] = OrderedDict()
_given: set[Path] = set()


def enter(folder: Path) -> None:
    """Let no other process evict engines of ``folder`` from now on, if it is there and has
    locks."""
    folder = folder.absolute()
    if (handle := _folders.pop(folder, None)) is not None:
        if _is_still(handle, folder):
            _folders[folder] = handle
            return
        os.close(handle)
    if (held := hold_shared(folder)) is not None:
        _folders[folder] = held
    while len(_folders) > _MOST_FOLDERS:
        os.close(_folders.popitem(last=False)[1])


def give(home: Path) -> None:
    """Note that this process may open the engine ``home``, and that it was used now."""
    _given.add(home.absolute())
    with suppress(OSError):  # a folder that can only be read keeps its time
        os.utime(home)


def was_given(home: Path) -> bool:
    """Whether this process may open the engine."""
    return home.absolute() in _given


@contextmanager
def open_engine_at(home: Path) -> Iterator[None]:
    """Within the block, the engine counts as open."""
    handle = hold_shared(home / MANIFEST)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


@contextmanager
def held_folder(home: Path) -> Iterator[Path]:
    """A path to the very folder that is called ``home`` now, whatever gets that name within the
    block. It is ``home`` itself where the system has no such paths, or there is no folder."""
    try:
        handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY | NO_WAIT)
    except (OSError, AttributeError):  # Windows opens no folders
        yield home
        return
    held = Path("/proc/self/fd", str(handle))
    try:
        yield held if _is_still(handle, held) else home
    finally:
        os.close(handle)


def is_open(home: Path) -> bool:
    """Whether a session has the engine open, in whatever process; also where that can't be
    known."""
    try:
        handle = os.open(home / MANIFEST, os.O_RDONLY | NO_WAIT)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return not try_lock(handle)
    except (NoLocksError, OSError):
        return True
    finally:
        os.close(handle)


@contextmanager
def without_others(folder: Path) -> Iterator[bool]:
    """Whether no other process was given engines of ``folder``; none is within the block."""
    folder = folder.absolute()
    enter(folder)
    handle = _folders.pop(folder, None)
    if handle is None:
        yield False
        return
    try:
        yield _is_ours_alone(handle)
    finally:
        with suppress(NoLocksError, OSError):
            share(handle)
        _folders[folder] = handle


def _is_ours_alone(handle: int) -> bool:
    try:
        return try_lock(handle)
    except (NoLocksError, OSError):
        return False


def _is_still(handle: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), folder.stat())
    except OSError:
        return False
