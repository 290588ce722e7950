"""A small process that ends what the children of its parent started, however the parent ends.

A child dies with its parent by a signal of the kernel, which no process that the child started
gets: a compiler would go on. Nor does a child hear of Ctrl-Z, as it is in a session of its own; so
the guard stops the children while their parent is stopped, and then lets them go on. A thread in
the child could not do that: it must wait while a library holds Python's lock.

This file is run by its path, by a Python that reads nothing else, so it imports nothing of ours.
Its parent writes lines: ``+`` and the number of a process group to watch, ``-`` and one to forget.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from pathlib import Path

_LOOK_S = 0.5
_GRACE_S = 2.0
_STEP_S = 0.05
_CHUNK = 4096


class Groups:
    """The process groups that are watched."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()
        self._unread = b""
        self._stopped = False

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def hear(self, text: bytes) -> None:
        """Read what the parent wrote: whole lines, or a part of one."""
        *lines, self._unread = (self._unread + text).split(b"\n")
        for line in lines:
            change = self._numbers.add if line.startswith(b"+") else self._numbers.discard
            change(int(line[1:]))

    def follow(self, parent_stopped: bool) -> None:
        """Stop the groups when their parent was stopped, and continue them when it was."""
        if parent_stopped != self._stopped:
            self._stopped = parent_stopped
            self._send(signal.SIGSTOP if parent_stopped else signal.SIGCONT)

    def end(self) -> None:
        """End all of them: compilers that are asked remove their temporary files."""
        self._send(signal.SIGTERM)
        self._send(signal.SIGCONT)  # what is stopped hears nothing else
        deadline_s = time.monotonic() + _GRACE_S
        while self._any_left() and time.monotonic() < deadline_s:
            time.sleep(_STEP_S)
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for group in self._numbers:
            with contextlib.suppress(OSError):  # it is gone
                os.killpg(group, number)
        for process in self._apart():
            with contextlib.suppress(OSError):
                os.kill(process, number)

    def _any_left(self) -> bool:
        for group in self._numbers:
            with contextlib.suppress(OSError):
                os.killpg(group, 0)
                return True
        return bool(self._apart())

    def _apart(self) -> list[int]:
        """What the children started in groups of its own: a group's number is its session's."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            _, _, group, session = _told(path.name)
            if session in self._numbers and group not in self._numbers:
                found.append(int(path.name))
        return found


def is_stopped(process: int) -> bool:
    """Whether a process was stopped by a signal; False where the system has no ``/proc``."""
    return _told(process)[0] == b"T"


def _told(process: int | str) -> tuple[bytes, int, int, int]:
    """The state of a process, its parent, its group and its session; zeros where it is gone, is no
    more than a zombie, or the system has no ``/proc``."""
    try:
        stat = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:
        return b"", 0, 0, 0
    # The name, in brackets, may hold anything.
    state, *numbers = stat.rpartition(b")")[2].split()[:4]
    if state == b"Z":
        return b"", 0, 0, 0
    parent, group, session = map(int, numbers)
    return state, parent, group, session


def main() -> None:
    """Watch until the parent closes the pipe, or ends."""
    parent, groups = int(sys.argv[1]), Groups()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        # Sent to all that have our name: then this is needed last.
        signal.signal(number, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([0], [], [], _LOOK_S if groups else None)
        if ready:
            text = os.read(0, _CHUNK)
            if not text:
                break
            groups.hear(text)
        elif os.getppid() != parent:  # a copy of the parent holds the pipe open
            break
        groups.follow(is_stopped(parent))
    groups.end()


if __name__ == "__main__":
    main()
