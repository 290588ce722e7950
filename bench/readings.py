"""Readings of this process and of the machine: memory, background load, the cores' clock rate.

What a child holds beside its engine counts as memory, so this file imports nothing that a child
does not have already (``dataclasses`` would bring ``inspect``). Libraries are imported when they
are needed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

MAX_LOAD = 0.25
"""The share of all cores that other processes may take before a block counts as disturbed."""

_STATUS = Path("/proc/self/status")
_NOT_BUSY = ("idle", "iowait", "guest", "guest_nice")  # guests are counted in user and nice


def peak_bytes(status: Path = _STATUS) -> int | None:
    """Peak resident memory of this process (``VmHWM``); None where the system has no such file.

    ``VmHWM`` belongs to the address space, which begins at ``exec``; ``ru_maxrss`` of a child
    begins at its parent's peak.
    """
    if not status.exists():
        return None
    for line in status.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def device_bytes() -> int | None:
    """GPU memory of this process now, over all devices, as NVIDIA's driver reports it (NVML's
    ``usedGpuMemory``, through nvidia-ml-py). CUDA's own memory is in it.

    None where it is unknown: without nvidia-ml-py or a driver, and where NVML does not list this
    process (it has no CUDA context, or another number in a container) or has no figure for it.
    """
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        return _own(p for h in handles for p in pynvml.nvmlDeviceGetComputeRunningProcesses(h))
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _own(processes: Iterable[Any]) -> int | None:
    used = [process.usedGpuMemory for process in processes if process.pid == os.getpid()]
    return sum(used) if used and None not in used else None


class CpuTime(NamedTuple):
    """CPU time until now: ``own_ns`` of this process, ``busy_s`` of the cores that it may use,
    whoever used them, steal included."""

    wall_ns: int
    own_ns: int
    busy_s: float


class BackgroundLoad(NamedTuple):
    """CPU time that other processes took between two readings, as a share of all cores (0–1), and
    its resolution: the system counts in ticks (usually 10 ms), which all cores may cross at once.
    """

    load: float
    resolution: float

    @property
    def harmless(self) -> bool:
        """Whether a block under this load is valid."""
        return self.load <= MAX_LOAD + self.resolution


def cpu_time() -> CpuTime:
    """The machine's and this process's CPU time until now."""
    import psutil

    cores = psutil.cpu_times(percpu=True)
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(cores))
    busy_s = sum(
        value
        for core in usable
        for name, value in cores[core]._asdict().items()
        if name not in _NOT_BUSY
    )
    return CpuTime(wall_ns=time.monotonic_ns(), own_ns=time.process_time_ns(), busy_s=busy_s)


def background_load(before: CpuTime, after: CpuTime, cores: int) -> BackgroundLoad:
    """The share of ``cores`` cores that other processes took between two readings."""
    elapsed_s = max(after.wall_ns - before.wall_ns, 1) / 1e9
    own_s = (after.own_ns - before.own_ns) / 1e9
    load = (after.busy_s - before.busy_s - own_s) / (elapsed_s * cores)
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    return BackgroundLoad(load=min(max(load, 0.0), 1.0), resolution=tick_s / elapsed_s)


def clock_mhz() -> float:
    """The cores' mean frequency now; 0 where the system does not say."""
    import psutil

    frequency = psutil.cpu_freq()
    return frequency.current if frequency else 0.0
