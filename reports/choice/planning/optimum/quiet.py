"""HiGHS without what it prints: a line that it forgot there (HiGHS 1.12, its issue 2783)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryFile
from threading import Lock

_STDOUT = 1
_FORGOTTEN = b"HighsMipSolverData::"
_one_at_a_time = Lock()


@contextmanager
def without_forgotten_lines() -> Iterator[None]:
    """Standard output without these lines. What else is printed meanwhile comes at the end.

    It goes by the number of the file, past Python, and would stand in a JSON that a command prints.
    """
    with _one_at_a_time, ExitStack() as stack:
        try:
            held = stack.enter_context(TemporaryFile()).fileno()
            true = os.dup(_STDOUT)
        except OSError:  # it is closed, or there is no room for a file
            yield
            return
        stack.callback(os.close, true)
        _flush()
        os.dup2(held, _STDOUT)
        stack.callback(_give_back, held)
        stack.callback(os.dup2, true, _STDOUT)
        stack.callback(_flush)
        yield


def _flush() -> None:
    if sys.stdout is not None and not sys.stdout.closed:
        sys.stdout.flush()


def _give_back(held: int) -> None:
    os.lseek(held, 0, os.SEEK_SET)
    for line in os.read(held, os.fstat(held).st_size).splitlines(keepends=True):
        if not line.startswith(_FORGOTTEN):
            os.write(_STDOUT, line)
