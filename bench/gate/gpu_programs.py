"""Other programs at work on an NVIDIA GPU, as its driver lists them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import psutil

_AT_WORK = 5
"""Percent of the time that a program which draws has the multiprocessors, from which on it counts:
a desktop at rest is always listed, and redraws itself with a percent or two."""
_ALL_SAMPLES = 0
"""Of the driver's buffer, which holds the last seconds."""


def other_programs(nvml: Any, gpu: Any, ours: Iterable[int]) -> int | None:
    """How many other programs compute on the GPU, or draw with it all the time. ``ours`` are the
    numbers of our children, one of which uses the GPU.

    None where it is not known: the driver lists nothing, or none of ours, as in a container, where
    the numbers may be the host's.
    """
    computing = asked(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses(gpu))
    if computing is None:
        return None
    pids, own = {one.pid for one in computing}, {os.getpid(), *ours}
    if not pids & own:
        return None
    return sum(map(psutil.pid_exists, (pids | _drawing(nvml, gpu)) - own))


def _drawing(nvml: Any, gpu: Any) -> set[int]:
    """The numbers of programs that draw, and are at work; none where the driver does not count
    their work."""
    listed = asked(nvml, lambda: nvml.nvmlDeviceGetGraphicsRunningProcesses(gpu)) or ()
    samples = asked(nvml, lambda: nvml.nvmlDeviceGetProcessUtilization(gpu, _ALL_SAMPLES)) or ()
    at_work = {one.pid for one in samples if one.smUtil >= _AT_WORK}
    return at_work & {one.pid for one in listed}


def asked(nvml: Any, ask: Callable[[], Any]) -> Any:
    """The answer, or None where this GPU or driver has none. ``nvml`` is ``pynvml``."""
    try:
        return ask()
    except nvml.NVMLError:
        return None
