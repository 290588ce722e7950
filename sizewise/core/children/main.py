"""The child's side of ``sizewise.core.children.child``: read a call, make it, write the answer.

Each is one line.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import math
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, TextIO

from sizewise.core.children.memory import let_the_kernel_end_this_first, peak_bytes
from sizewise.core.children.pipes import BEAT
from sizewise.core.children.serving import Served, answer
from sizewise.core.options.declared import marked, spelling
from sizewise.core.progress import serve

_BEAT_S = 1.0
_REPORT_EVERY_S = 0.2
_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, target = int(sys.argv[1]), sys.argv[2]
    _die_with(parent)
    let_the_kernel_end_this_first()
    # The terminal's Ctrl-C reaches the parent alone. Who sends SIGINT to all processes of our name
    # means the parent too: it decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    calls, answers = _private_channel()
    write = _writer(answers)
    threading.Thread(target=_beat, args=(parent, write), daemon=True).start()
    waiting = _Waiting(write)
    serve(waiting)
    messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(calls, messages, waiting), daemon=True).start()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        _serve(Served(target), messages, write)
    except _TerminatedError:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
    _leave()


def _leave() -> NoReturn:
    """End, with what is registered for the end: libraries take up to 0.3 s to take themselves apart
    after that, and the parent waits."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        ctypes.CDLL(None).fflush(None)  # what libraries wrote in C
    os._exit(0)


class _TerminatedError(BaseException):
    """SIGTERM came. Raised wherever the work is, so that it removes its temporary files."""


def _terminate(number: int, frame: FrameType | None) -> None:
    del frame
    signal.signal(number, signal.SIG_IGN)
    raise _TerminatedError


def _serve(
    served: Served,
    messages: queue.SimpleQueue[dict[str, Any] | None],
    write: Callable[[dict[str, Any]], None],
) -> None:
    with spelling(marked):
        for message in iter(messages.get, None):
            write(answer(served, message) | {"peak_bytes": peak_bytes()})


class _Waiting:
    """The waiting parent, for work that reports its progress."""

    def __init__(self, write: Callable[[dict[str, Any]], None]) -> None:
        self._write = write
        self._said_s = -math.inf
        self._asked = False
        self._cancelled = threading.Event()

    def hear(self, done: float, note: str) -> None:
        now_s = time.monotonic()
        if now_s - self._said_s >= _REPORT_EVERY_S:
            self._said_s = now_s
            self._write({"progress": (done, note)})

    def cancelled(self) -> bool:
        self._asked = True
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask the work to end, and end the process if it never looks whether it is cancelled."""
        self._cancelled.set()
        if not self._asked:
            os._exit(1)


def _read(
    calls: TextIO, messages: queue.SimpleQueue[dict[str, Any] | None], waiting: _Waiting
) -> None:
    """Read calls in a thread: the main one may be at work, in a library, when it is cancelled."""
    for line in calls:
        message = json.loads(line)
        if "cancel" in message:
            waiting.cancel()
        else:
            messages.put(message)
    messages.put(None)


def _private_channel() -> tuple[TextIO, TextIO]:
    """Stdin and stdout for us alone: what a library prints goes to stderr, not into an answer."""
    calls = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return calls, answers


def _writer(answers: TextIO) -> Callable[[dict[str, Any]], None]:
    lock = threading.Lock()

    def write(message: dict[str, Any]) -> None:
        line = json.dumps(message) + "\n"
        with lock:
            answers.write(line)
            answers.flush()

    return write


def _die_with(parent: int) -> None:
    """End this process when its parent ends: Linux sends a signal; elsewhere, and if the parent is
    gone already, the beat notices."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _beat(parent: int, write: Callable[[dict[str, Any]], None]) -> None:
    while True:
        time.sleep(_BEAT_S)
        if os.getppid() != parent:
            _end_group()
        try:
            write(BEAT)
        except (BrokenPipeError, ValueError):
            _end_group()


def _end_group() -> None:
    """End this process and what it started, as nobody is left to do it."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
