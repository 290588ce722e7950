"""Time in which this process did not run at all: Ctrl-Z, a paused container, a frozen cgroup.

The clock of the calls goes on meanwhile, so the stop is in one of them, whole.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sizewise.core.holding.closing import Closing

_STEP_S = 0.2
LONGEST_S = 1.0
"""A thread that asks to run every 0.2 s may wait for a core; for a second, it does not."""


class Stops(Closing):
    """Seconds in which this process was stopped, seen by a thread that looks at the clock.

    Of each step between two looks that is longer than a second, all counts. The clock is that of
    the calls: where it halts with the machine (suspended), there is nothing to count. Children are
    stopped with their parent (``sizewise.core.children.guard``).
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, *, ticking: bool = True) -> None:
        """Without ``ticking``, steps are from reading to reading. Raises RuntimeError where the
        system starts no thread."""
        self._now = now
        self._last_s = now()
        self._stopped_s = 0.0
        self._looking = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        if ticking:
            self._thread.start()

    def seconds(self) -> float:
        """All of them until now: also those of a stop that has just ended."""
        with self._looking:
            now_s = self._now()
            step_s, self._last_s = now_s - self._last_s, now_s
            self._stopped_s += step_s if step_s > LONGEST_S else 0.0
            return self._stopped_s

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _tick(self) -> None:
        while not self._closed.wait(_STEP_S):
            self.seconds()
