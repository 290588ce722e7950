"""The CPU time of this process and of its children: what is busy and is none of it, others took."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True, kw_only=True)
class OwnTimes:
    """Nanoseconds of CPU time until now: of this process, of each child that lives, by its number,
    and of all children that ended and were waited for."""

    own_ns: int
    ended_ns: int
    children_ns: Mapping[int, int]


def own_times(children: Iterable[int]) -> OwnTimes:
    """The times of this process and of ``children``, by their process numbers. Those that are gone
    are left out."""
    times = {pid: child_ns(pid) for pid in children}
    until_now = os.times()
    return OwnTimes(
        own_ns=time.process_time_ns(),
        ended_ns=round((until_now.children_user + until_now.children_system) * 1e9),
        children_ns={pid: taken for pid, taken in times.items() if taken is not None},
    )


def taken_ns(start: OwnTimes, end: OwnTimes) -> int:
    """The CPU time that we took from ``start`` to ``end``.

    A child that ended meanwhile is counted with those that ended before: its whole life is added
    there. What it took is unknown where nobody waited for it yet, and counts as taken by others.
    """
    gone = start.children_ns.keys() - end.children_ns.keys()
    ended_ns = end.ended_ns - start.ended_ns - sum(start.children_ns[pid] for pid in gone)
    alive_ns = sum(taken - start.children_ns.get(pid, 0) for pid, taken in end.children_ns.items())
    return end.own_ns - start.own_ns + alive_ns + max(ended_ns, 0)


def child_ns(pid: int) -> int | None:
    """Nanoseconds of CPU time that a process took, all its threads together; None where it is gone.

    Its own clock, where the system has one (clock_getcpuclockid(3)), is exact; /proc rounds user
    and system time down to ticks of 10 ms each.
    """
    ask = _clock_of_process()
    if ask is None:
        return _from_psutil(pid)
    clock = ctypes.c_int()
    if ask(pid, ctypes.byref(clock)) != 0:
        return None
    try:
        return time.clock_gettime_ns(clock.value)
    except OSError:  # it ended between the two
        return None


@cache
def _clock_of_process() -> Any:
    """The C library's function, or None: macOS and Windows have none."""
    if os.name != "posix":
        return None
    return getattr(ctypes.CDLL(None), "clock_getcpuclockid", None)


def _from_psutil(pid: int) -> int | None:
    import psutil

    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    return round((times.user + times.system) * 1e9)
