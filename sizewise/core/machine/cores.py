"""The cores of this machine that a process may use: its affinity, its share by quota, and which of
them are hyper-threads of one core."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_CPUS = Path("/sys/devices/system/cpu")


def allowed_cpus() -> frozenset[int]:
    """Numbers of the logical cores that this process may run on (not all that the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def usable_cores() -> int:
    """Logical cores that this process may run on."""
    return len(allowed_cpus())


def physical_cores(cpus: Path = _CPUS) -> int:
    """Cores that this process may run on, hyper-threads of one core counted once; all logical ones
    where the system does not say."""
    return len({_siblings(cpus, cpu) for cpu in allowed_cpus()})


def _siblings(cpus: Path, cpu: int) -> str:
    """What the hyper-threads of one core have in common."""
    try:
        return (cpus / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text("ascii").strip()
    except (OSError, ValueError):
        return str(cpu)


def cpu_quota(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> float | None:
    """The cores' worth of CPU time that the cgroup grants this process (``docker run --cpus 2``);
    None without a quota.

    The smallest of its cgroup's and of all those above it (cgroup v2 ``cpu.max``, v1
    ``cpu.cfs_quota_us``).
    """
    folders = cgroup_folders(cgroups, own)
    return min((quota for folder in folders for quota in _quotas(folder)), default=None)


def default_threads() -> int:
    """Threads that an engine has unless told otherwise: a physical core each, as many as quota and
    affinity grant. Two threads on one core take turns at its arithmetic units."""
    quota = cpu_quota()
    whole = physical_cores() if quota is None else min(physical_cores(), math.floor(quota))
    return max(1, whole)


def cgroup_folders(cgroups: Path, own: Path, controller: str = "cpu") -> Iterator[Path]:
    """The folders of this process's cgroups and of those above them, for a controller of v1 and for
    all of v2. In a container they may be mounted as the root."""
    try:
        lines = own.read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        root = cgroups / controllers if controller in controllers.split(",") else cgroups
        if controllers and root == cgroups:
            continue
        folder = root / path.lstrip("/")
        yield from (f for f in (folder, *folder.parents) if f.is_relative_to(root))


def _quotas(folder: Path) -> Iterator[float]:
    for quota, period in (_version_2(folder), _version_1(folder)):
        try:
            share = int(quota) / int(period)
        except ValueError:  # "max", or there is none
            continue
        if share > 0:
            yield share


def _version_2(folder: Path) -> tuple[str, str]:
    quota, _, period = _text(folder / "cpu.max").partition(" ")
    return quota, period


def _version_1(folder: Path) -> tuple[str, str]:
    return _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
