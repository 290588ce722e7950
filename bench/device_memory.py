"""GPU memory of this process, as NVIDIA's driver tells it (NVML, through nvidia-ml-py)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any


def used_bytes() -> int | None:
    """``usedGpuMemory`` of this process now, summed over all devices: CUDA's own memory is in it.

    None where that can't be told: without nvidia-ml-py or a driver, and where NVML does not list
    this process (it has no CUDA context, or another number in a container) or has no figure for it.
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
