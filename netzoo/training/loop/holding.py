"""Signals that wait until what must not be left half done is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import currentframe
from types import FrameType
from typing import Any

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")
"""Those that interrupt a command. By the alarm, one is tried again that came within an import."""


@contextmanager
def signals_wait() -> Iterator[None]:
    """Within the block no signal interrupts; at its end the first that came does, by its own
    handler. Signals that Python does not handle do what they do, and so do all outside of the main
    thread, which has no others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}
    came: list[int] = []
    is_over = False

    def note(number: int, frame: FrameType | None) -> None:
        if is_over:  # an interruption kept the handler of before from coming back
            before[number](number, frame)
        came.append(number)

    try:
        for name in _ENDING:
            number = getattr(signal, name, None)
            handler = None if number is None else signal.getsignal(number)
            if number is not None and callable(handler):
                before[number] = handler
                signal.signal(number, note)
        yield
    finally:
        is_over = True
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            before[came[0]](came[0], currentframe())
