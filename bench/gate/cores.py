"""The time that the usable cores were idle, and the time that the hypervisor took of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sizewise.core.machine.cores import allowed_cpus

_STAT = Path("/proc/stat")
_IDLE, _IOWAIT, _STEAL = 3, 4, 7
"""Places in a line of /proc/stat (proc_stat(5)), after the core's name."""


@dataclass(frozen=True, kw_only=True)
class CoreTimes:
    """Seconds until now of one core: without work, and stolen by the hypervisor (None where the
    system does not say)."""

    idle_s: float
    steal_s: float | None = None


def tick_s() -> float:
    """The unit in which the system counts the cores' time: 10 ms, as a rule."""
    return 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01


def core_times(stat: Path = _STAT) -> Mapping[int, CoreTimes]:
    """The times of each core that this process may use, by its number. A core that is offline has
    none.

    Idle time is exact where other times are sampled (the kernel notes when a core falls asleep and
    wakes, and looks at each tick who runs), so what is busy is what was not idle. A container may
    have cores with numbers of its own (LXC): then all that are listed are usable.
    """
    times = _listed(stat) or _of_psutil()
    usable = {cpu: times[cpu] for cpu in sorted(allowed_cpus() & times.keys())}
    return usable or times


def _listed(stat: Path) -> dict[int, CoreTimes]:
    """By the names ``cpu<number>``: numbers of offline cores are left out of the list."""
    try:
        lines = stat.read_text("ascii").splitlines()
    except (OSError, ValueError):
        return {}
    rows = (line.split() for line in lines if line.startswith("cpu"))
    return {int(row[0][3:]): _times(row[1:]) for row in rows if row[0][3:].isdecimal()}


def _times(ticks: list[str]) -> CoreTimes:
    waited = int(ticks[_IDLE]) + int(ticks[_IOWAIT])
    stolen = int(ticks[_STEAL]) if len(ticks) > _STEAL else None
    return CoreTimes(
        idle_s=waited * tick_s(), steal_s=None if stolen is None else stolen * tick_s()
    )


def _of_psutil() -> dict[int, CoreTimes]:
    """Systems without /proc list all cores, and have no steal."""
    import psutil

    cores = psutil.cpu_times(percpu=True)
    return {cpu: CoreTimes(idle_s=core.idle) for cpu, core in enumerate(cores)}


def clock_mhz() -> float:
    """The cores' mean frequency now; 0 where the system does not say."""
    import psutil

    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError):  # a core that goes offline meanwhile, or has no file
        return 0.0
    return frequency.current if frequency else 0.0
