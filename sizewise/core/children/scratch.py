"""The temporary folder of a child, which its parent removes, however the child ends.

A child that is killed removes nothing, and neither does a compiler that it started. Where the
parent is killed as well, the next process that starts a child removes the folder: the lock that its
parent held on it is gone.
"""

from __future__ import annotations

import getpass
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from sizewise.core.holding.closing import Closing
from sizewise.core.holding.locks import NoLocksError, try_lock

_PREFIX = "sizewise-child-"
_TRIES = 8
_KEPT = "TORCHINDUCTOR_CACHE_DIR"
"""PyTorch's compiler keeps what it compiled, headers too, for later processes. Its usual folder is
below the temporary one."""
_cleared: set[str] = set()


class Scratch(Closing):
    """A folder of one child. Where the system gives none, as on a full disk, the child uses the
    temporary folder of its parent."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._lock: int | None = None
        with suppress(OSError):
            _clear_left_overs(Path(tempfile.gettempdir()))
            self.folder, self._lock = _made()

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of the child's environment that lead it there."""
        if self.folder is None:
            return {}
        return {"TMPDIR": str(self.folder), _KEPT: os.environ.get(_KEPT) or _usual_cache()}

    def close(self) -> None:
        """Remove the folder: call it when all that may write there has ended."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
        self.folder = self._lock = None


def _made() -> tuple[Path, int | None]:
    """A new folder, and the lock on it: None where the system has no locks. Raises OSError."""
    for _ in range(_TRIES):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = _locked(folder)
        if lock is not None and folder.is_dir():
            return folder, lock
        if lock is not None:  # another process took it for a left-over before we had locked it
            os.close(lock)
        with suppress(OSError):
            folder.rmdir()
    return Path(tempfile.mkdtemp(prefix=_PREFIX)), None


def _clear_left_overs(root: Path) -> None:
    """Remove the folders of children whose parents were killed; once in each process."""
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


def _usual_cache() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container that knows no name of this user
        user = f"uid_{os.geteuid()}"
    return str(Path(tempfile.gettempdir()) / f"torchinductor_{user}")
