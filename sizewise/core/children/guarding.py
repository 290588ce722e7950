"""The guard of this process (``sizewise.core.children.guard``), started with its first child."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, cast

from sizewise.core.children import guard

_END_S = 5.0


class _Guarded:
    """The process groups of this process's children, and the guard that was told of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._guard: subprocess.Popen[bytes] | None = None
        self._of_another: subprocess.Popen[bytes] | None = None

    def begin_anew(self) -> None:
        """In a copy of the process, whose children are its own."""
        self._lock = threading.Lock()
        self._groups = set()
        if self._guard is not None:
            self._pipe().close()  # or the guard would not see its parent end
            self._of_another, self._guard = self._guard, None

    def add(self, group: int) -> None:
        """Raises OSError where a guard is needed and can't be started."""
        with self._lock:
            self._groups.add(group)
            if not self._tell(f"+{group}\n"):
                self._guard = _start_guard()
                self._tell("".join(f"+{number}\n" for number in self._groups))

    def remove(self, group: int) -> None:
        with self._lock:
            self._groups.discard(group)
            self._tell(f"-{group}\n")

    def end(self) -> None:
        """End the guard, and with it the groups that are left."""
        if self._guard is None:
            return
        self._pipe().close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guard.wait(_END_S)
        self._guard = None

    def _tell(self, text: str) -> bool:
        """Whether there is a guard to hear it."""
        if self._guard is None:
            return False
        try:
            # One write: shorter than a pipe's atomic 4 KiB, and nothing to flush later.
            os.write(self._pipe().fileno(), text.encode())
        except OSError:  # somebody killed it
            self.end()
        return self._guard is not None

    def _pipe(self) -> IO[bytes]:
        return cast(IO[bytes], cast(subprocess.Popen[bytes], self._guard).stdin)


def _start_guard() -> subprocess.Popen[bytes]:
    # Without -S it would read the whole of the user's site-packages for nothing.
    command = [sys.executable, "-I", "-S", str(Path(guard.__file__)), str(os.getpid())]
    return subprocess.Popen(
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


_guarded = _Guarded()
os.register_at_fork(after_in_child=_guarded.begin_anew)
atexit.register(_guarded.end)


def watch(group: int) -> None:
    """Have a group end with this process. Raises OSError where no guard can be started."""
    _guarded.add(group)


def forget(group: int) -> None:
    """Say so before the group's leader is reaped: afterwards its number may be another's."""
    _guarded.remove(group)
