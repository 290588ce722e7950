"""Memory that this process and its children may use: the machine's, or less by its cgroup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from sizewise.core.machine.cores import cgroup_folders

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_VMSTAT = Path("/proc/vmstat")
_SHARE = 0.75
SHARE_IN_WORDS = "three quarters of the machine's memory, or of its container's"
"""The default limit of a child, as help texts say it."""


def default_limit_bytes() -> int:
    """Memory that one child may take unless told otherwise. The rest is for this process, for what
    else runs, and for files that the system keeps in memory."""
    return int(_SHARE * usable_bytes())


def usable_bytes(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> int:
    """All memory of the machine, or the smallest limit of the cgroup and of those above it
    (cgroup v2 ``memory.max``, v1 ``memory.limit_in_bytes``)."""
    limits = (limit for limit, _ in _limited(cgroups, own))
    return min([psutil.virtual_memory().total, *limits])


def free_bytes(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> int:
    """Memory that is left on the machine, or in the tightest cgroup. Files that were read and can
    be dropped count as free."""
    left = (max(0, limit - used) for limit, used in _limited(cgroups, own))
    return min([psutil.virtual_memory().available, *left])


def oom_kills(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP, vmstat: Path = _VMSTAT) -> int:
    """Processes that the kernel has ended because memory ran out: those of this cgroup, or of the
    machine where no cgroup counts them; 0 where the system does not say."""
    for folder in cgroup_folders(cgroups, own, "memory"):
        for name in ("memory.events", "memory.oom_control"):
            count = _counted(folder / name, "oom_kill")
            if count is not None:
                return count
    return _counted(vmstat, "oom_kill") or 0


def _limited(cgroups: Path, own: Path) -> Iterator[tuple[int, int]]:
    """The limit and the use of each cgroup that has a limit."""
    for folder in cgroup_folders(cgroups, own, "memory"):
        for limit, used, droppable in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, taken = _number(folder / limit), _number(folder / used)
            if most is not None and taken is not None:
                yield most, taken - (_counted(folder / "memory.stat", droppable) or 0)


def _number(path: Path) -> int | None:
    """The number in a file; None where there is no file, or a word such as ``max``."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _counted(path: Path, name: str) -> int | None:
    """The number after ``name`` in a file of names and numbers."""
    try:
        lines = path.read_text("ascii").splitlines()
        found = dict(line.split(" ", 1) for line in lines if " " in line)
        return int(found[name])
    except (OSError, ValueError, KeyError):
        return None
