"""What else the machine does while an engine is timed: foreign load and the clock's rate."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import psutil

MAX_LOAD = 0.25
"""The share of all cores that others may take before a block is called disturbed."""

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_NOT_BUSY = ("idle", "iowait", "guest", "guest_nice")  # guests are counted in user and nice


@dataclass(frozen=True, kw_only=True)
class Reading:
    """``own_ns`` is CPU time of this process, ``busy_s`` that of the cores that it may use, steal
    included."""

    wall_ns: int
    own_ns: int
    busy_s: float


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """CPU time of others between two readings as a share of all cores, 0–1, and its resolution:
    the system counts in ticks (10 ms as a rule), which all cores may cross at once.
    """

    load: float
    resolution: float

    @property
    def harmless(self) -> bool:
        return self.load <= MAX_LOAD + self.resolution


def read() -> Reading:
    cores = psutil.cpu_times(percpu=True)
    ours = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(cores))
    busy_s = sum(
        value
        for core in ours
        for name, value in cores[core]._asdict().items()
        if name not in _NOT_BUSY
    )
    return Reading(wall_ns=time.monotonic_ns(), own_ns=time.process_time_ns(), busy_s=busy_s)


def foreign(before: Reading, after: Reading, cores: int) -> Foreign:
    """What others took of ``cores`` cores meanwhile."""
    elapsed_s = max(after.wall_ns - before.wall_ns, 1) / 1e9
    own_s = (after.own_ns - before.own_ns) / 1e9
    load = (after.busy_s - before.busy_s - own_s) / (elapsed_s * cores)
    return Foreign(load=min(max(load, 0.0), 1.0), resolution=_TICK_S / elapsed_s)


def clock_mhz() -> float:
    """The cores' mean frequency now, 0 where the system does not say."""
    frequency = psutil.cpu_freq()
    return frequency.current if frequency else 0.0
