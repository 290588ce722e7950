"""Locks between processes that end with their holder, however it dies (flock(2)).

They hold between containers that share a folder, too: no number of a process decides anything.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_BUSY = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}
_HAS_NONE = {
    *(errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL),
    errno.EBADF,  # NFS asks for a file that is open for writing
}
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
NO_WAIT = getattr(os, "O_NONBLOCK", 0)
"""A pipe that somebody put there would wait for ever to be opened."""


class NoLocksError(Exception):
    """The system, or the file system of a folder, has no locks between processes."""


def try_lock(handle: int, *, shared: bool = False) -> bool:
    """Lock an open file, and say whether that was possible now. Raises NoLocksError, OSError."""
    if sys.platform == "win32":
        raise NoLocksError
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        if error.errno in _HAS_NONE:
            raise NoLocksError from error
        raise
    return True


def is_at(handle: int, path: Path) -> bool:
    """Whether the open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
    except OSError:
        return False
