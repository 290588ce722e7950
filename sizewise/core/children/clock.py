"""Time that passes only while this process runs."""

from __future__ import annotations

import time
from collections.abc import Callable

_LONGEST_S = 2.0
_INSTEAD_S = 0.1


class RunningTime:
    """Seconds in which this process ran, counted in short steps by whoever waits.

    A step of more than 2 s means that the process was stopped (Ctrl-Z, SIGSTOP) or the machine
    suspended: its child got no time either, so that step is no reason to give up on it. It counts
    as 0.1 s, so that a wait ends even where every step is long.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._last_s = now()
        self.seconds = 0.0

    def tick(self) -> None:
        """End a step and begin the next."""
        now_s = self._now()
        step_s = now_s - self._last_s
        self.seconds += step_s if step_s <= _LONGEST_S else _INSTEAD_S
        self._last_s = now_s
