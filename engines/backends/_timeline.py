"""The scripted clock of the fake back end: it moves only when a call moves it."""

from __future__ import annotations

import math
import os

import numpy as np


class Timeline:
    """The clock of one process, shared by all its sessions.

    Left alone, its number is the process's own, so that processes differ; after ``restart``
    everything repeats, number by number.
    """

    def __init__(self) -> None:
        self.restart(os.getpid())

    def restart(self, number: int) -> None:
        """Start again at time 0, with no session yet."""
        self.number = number
        self._now_ns = 0.0
        self._sessions = 0
        self._phase = np.random.default_rng(number).uniform(0, 2 * math.pi)

    def now(self) -> int:
        """The time in nanoseconds."""
        return round(self._now_ns)

    def advance(self, duration_ns: float) -> None:
        self._now_ns += duration_ns

    def next_session(self) -> int:
        self._sessions += 1
        return self._sessions

    def drift(self, period_s: float) -> float:
        """The drift that all sessions share at this moment, between -1 and 1."""
        return math.sin(self._phase + 2 * math.pi * self._now_ns / (period_s * 1e9))


TIMELINE = Timeline()
