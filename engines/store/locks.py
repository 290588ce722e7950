"""Lock files that processes wait for, and shared locks on what they use."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sizewise.core.children.clock import RunningTime
from sizewise.core.holding.locks import NO_LINK, NO_WAIT, NoLocksError, is_at, try_lock

_POLL_S = 0.05


@contextmanager
def alone(path: Path, *, patience_s: float, waits: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file ``path`` within the block; it is removed after it.

    ``waits`` is called once where another process holds it. Raises TimeoutError where that goes on
    for longer than ``patience_s``, NoLocksError and OSError.
    """
    handle = _acquired(path, patience_s, waits)
    try:
        yield
    finally:
        # Whoever waits for it sees that its name is gone, and makes a new one.
        if is_at(handle, path):
            with suppress(OSError):
                path.unlink()
        os.close(handle)


@contextmanager
def if_free(path: Path) -> Iterator[bool]:
    """Whether the lock file ``path`` is ours within the block; false where another process holds
    it, and where that can't be known."""
    with ExitStack() as held:
        try:
            held.enter_context(alone(path, patience_s=0, waits=lambda: None))
            free = True
        except (NoLocksError, OSError):
            free = False
        yield free


def hold_shared(path: Path, patience_s: float = 1.0) -> int | None:
    """An open handle of ``path`` with a shared lock, which ends when it is closed; None where there
    is none to be had."""
    try:
        handle = os.open(path, os.O_RDONLY | NO_WAIT)
    except OSError:
        return None
    with suppress(NoLocksError, OSError):
        if share(handle, patience_s):
            return handle
    os.close(handle)
    return None


def share(handle: int, patience_s: float = 1.0) -> bool:
    """Take a shared lock as soon as it can be had, and say whether it was. Raises as
    :func:`try_lock`."""
    for _ in range(1 + round(patience_s / _POLL_S)):
        if try_lock(handle, shared=True):
            return True
        time.sleep(_POLL_S)
    return False


def _acquired(path: Path, patience_s: float, waits: Callable[[], None]) -> int:
    spent, waited = RunningTime(), False
    while True:
        handle = _opened(path)
        try:
            locked = try_lock(handle)
        except BaseException:
            os.close(handle)
            with suppress(OSError):
                path.unlink()
            raise
        if locked and is_at(handle, path):
            return handle
        os.close(handle)
        if locked:  # its last holder had removed it
            continue
        if spent.seconds >= patience_s:
            raise TimeoutError
        if not waited:
            waits()
        waited = True
        time.sleep(_POLL_S)
        spent.tick()


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK | NO_WAIT, 0o666)
    except PermissionError:  # another user's; most file systems lock what can only be read
        return os.open(path, os.O_RDONLY | NO_LINK | NO_WAIT)
