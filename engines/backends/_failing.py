"""The ways in which a library ends or damages the process that it works in, done on purpose.

They go by what the system offers, and not by our names for it: a library that does such a thing
knows nothing of sizewise either.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

Way = Literal["error", "crash", "segfault", "hang", "memory", "exit", "garbage", "leave"]
"""``error`` is what the back end raises itself; the others are those of :data:`WAYS`."""

_FOR_EVER_S = 1e6
_PIECE_BYTES = 16 * 2**20
_MOST_BYTES = 8 * 2**30
"""Where nobody ends it, it ends by itself."""
_PAUSE_S = 0.005


def _segfault() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _hang() -> None:
    time.sleep(_FOR_EVER_S)


def _take_memory() -> None:
    """Take more and more memory, as a graph does whose tensors double."""
    held: list[bytes] = []
    while len(held) * _PIECE_BYTES < _MOST_BYTES:
        held.append(b"1" * _PIECE_BYTES)
        time.sleep(_PAUSE_S)
    raise MemoryError


def _exit() -> None:
    os._exit(0)


def _write_garbage() -> None:
    """Write into each pipe that is open, but for those of prints, as a library does that takes a
    descriptor of ours for its own."""
    for number in [int(one.name) for one in Path("/proc/self/fd").iterdir()]:
        if number > 2 and _is_written_pipe(number):
            os.write(number, b"ready.\n{}\n")
    _hang()


def _is_written_pipe(number: int) -> bool:
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(number).st_mode)
        return is_pipe and fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
    except OSError:  # that of the list itself
        return False


def _fork_and_leave() -> None:
    """Leave a copy of this process behind, which holds all that was open."""
    if os.fork() == 0:
        _hang()
    os._exit(0)


WAYS: dict[str, Callable[[], None]] = {
    "crash": os.abort,
    "segfault": _segfault,
    "hang": _hang,
    "memory": _take_memory,
    "exit": _exit,
    "garbage": _write_garbage,
    "leave": _fork_and_leave,
}
"""Each by its name."""
