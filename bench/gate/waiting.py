"""What makes programs wait though no other takes their core: pressure, quotas and swap.

All are counters of the system that only rise; a round's share is the difference of two readings.
"""

from __future__ import annotations

from pathlib import Path

from sizewise.core.machine.cores import cgroup_folders

_PRESSURE = Path("/proc/pressure/cpu")
_VMSTAT = Path("/proc/vmstat")
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def pressure_ns(pressure: Path = _PRESSURE) -> int | None:
    """Time that some task waited for a core (``some`` of the kernel's Documentation/accounting/
    psi.rst); None where the system does not count it."""
    for line in _lines(pressure):
        kind, *fields = line.split()
        if kind == "some":
            return int(dict(field.split("=") for field in fields)["total"]) * 1000
    return None


def throttled_ns(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> int | None:
    """Time that quotas of CPU time stopped this process's cgroup and those above it (cgroup v2
    ``throttled_usec``, v1 ``throttled_time``); None where there is no cgroup.

    The kernel adds the times of all cores that it stopped.
    """
    counts = [_counted(folder / "cpu.stat") for folder in cgroup_folders(cgroups, own)]
    times = [
        count["throttled_usec"] * 1000 if "throttled_usec" in count else count["throttled_time"]
        for count in counts
        if "throttled_usec" in count or "throttled_time" in count
    ]
    return sum(times) if times else None


def swapped_pages(vmstat: Path = _VMSTAT) -> int | None:
    """Pages that the system has read from swap and written to it; None where it does not say."""
    counts = _counted(vmstat)
    if "pswpin" not in counts or "pswpout" not in counts:
        return None
    return counts["pswpin"] + counts["pswpout"]


def _counted(path: Path) -> dict[str, int]:
    """A file of lines with a name and a number each."""
    pairs = (line.split() for line in _lines(path))
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("ascii").splitlines()
    except (OSError, ValueError):  # a kernel without pressure answers the read with an error
        return []
