"""Readings of this process: its memory, and how much of it is on GPUs.

What a child holds beside its engine counts as memory, so this file imports nothing that a child
does not have already (``dataclasses`` would bring ``inspect``). Libraries are imported when they
are needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_PEAK_OF_NOW = "5"
"""Sets ``VmHWM`` to ``VmRSS`` (proc_pid_clear_refs(5)). Kernels without page monitoring have no
such file."""


def peak_bytes(status: Path = _STATUS) -> int | None:
    """Peak resident memory of this process (``VmHWM``) since it began, or since :func:`reset_peak`;
    None where the system has no such file.

    ``VmHWM`` belongs to the address space, which begins at ``exec``; ``ru_maxrss`` of a child
    begins at its parent's peak.
    """
    return _reported("VmHWM:", status)


def resident_bytes(status: Path = _STATUS) -> int | None:
    """Resident memory of this process now (``VmRSS``); None where the system has no such file."""
    return _reported("VmRSS:", status)


def reset_peak(clear: Path = _CLEAR) -> bool:
    """Let the peak begin anew at what is resident now; False where the system can't."""
    try:
        clear.write_text(_PEAK_OF_NOW, "ascii")
    except OSError:
        return False
    return True


def _reported(field: str, status: Path) -> int | None:
    try:
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(field):
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
