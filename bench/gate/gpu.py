"""The NVIDIA GPU that engines run on, as its driver reports it through NVML (nvidia-ml-py)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import psutil

from sizewise.core.machine.nvidia import find_devices, first_visible

_REASONS = {
    0x04: "its power limit",
    0x08: "a slowdown by hardware",
    0x10: "other GPUs' clocks",
    0x20: "heat",
    0x40: "heat",
    0x80: "the power supply",
    0x100: "a display's clock",
    0x200: "the board's limit",
}
"""By NVML's bits ``nvmlClocksEventReason…``: what lowers the clock. Left out are an idle GPU (1), a
clock that the user chose (2) and the voltage, which always ends the range (0x400)."""
_POLICIES = {0: "its power limit", 1: "heat", 3: "the board's limit"}
"""By NVML's numbers ``NVML_PERF_POLICY_…``: those whose time is counted. The bits say what is so at
one moment only, and at a round's end the GPU idles."""
_PROCESSES = Path("/proc")
_DEVICES = ("/dev/nvidia", "/dev/dxg")
"""Of Linux, and of Windows' Linux."""
_LEAST_LIMITED = 0.01
"""The share of a round from which on a lowered clock is noted."""
_SM_CLOCK, _ON_THE_DIE = 1, 0
"""NVML's numbers of the clock of the multiprocessors and of the sensor on the chip."""


@dataclass(frozen=True, kw_only=True)
class GpuState:
    """The GPU at one moment. ``figures`` are what ``Reading.devices`` holds; ``limited_ns`` is the
    time until now that each policy lowered the clock; ``programs`` are numbers of others' processes
    on it, None where the driver does not list any."""

    name: str
    figures: Mapping[str, float]
    reasons: int
    limited_ns: Mapping[int, int]
    programs: int | None


def gpu_state(ours: Iterable[int]) -> GpuState | None:
    """The GPU now; None without one, and where none of ``ours``, the numbers of our own children,
    uses it: what happens on it then disturbs nothing."""
    opened, pids = _opened(), tuple(ours)
    if opened is None or not any(map(_uses_a_gpu, pids)):
        return None
    nvml, gpu = opened
    figures = {
        "sm_mhz": _asked(nvml, lambda: nvml.nvmlDeviceGetClockInfo(gpu, _SM_CLOCK)),
        "celsius": _asked(nvml, lambda: nvml.nvmlDeviceGetTemperature(gpu, _ON_THE_DIE)),
        "watts": _asked(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(gpu) / 1000),
    }
    running = _asked(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses(gpu))
    return GpuState(
        name=str(nvml.nvmlDeviceGetName(gpu)),
        figures={name: float(value) for name, value in figures.items() if value is not None},
        reasons=_asked(nvml, lambda: nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu)) or 0,
        limited_ns=_limited_ns(nvml, gpu),
        programs=None if running is None else _others(running, {os.getpid(), *pids}),
    )


def limits_between(start: GpuState, end: GpuState, elapsed_ns: int) -> tuple[str, ...]:
    """What lowered the GPU's clock: for more than a hundredth of the time, or at the end."""
    counted = (
        _POLICIES[policy]
        for policy, until in end.limited_ns.items()
        if until - start.limited_ns.get(policy, until) > _LEAST_LIMITED * elapsed_ns
    )
    at_the_end = (words for bit, words in _REASONS.items() if end.reasons & bit)
    return tuple(sorted({*counted, *at_the_end}))


@cache
def _opened() -> tuple[Any, Any] | None:
    """NVML, initialised for the life of this process, and its handle of the GPU."""
    if not find_devices().found:
        return None
    import pynvml

    try:
        pynvml.nvmlInit()
        gpu = first_visible(pynvml)
    except pynvml.NVMLError:
        return None
    return None if gpu is None else (pynvml, gpu)


def _uses_a_gpu(pid: int, processes: Path = _PROCESSES) -> bool:
    """Whether a process has an NVIDIA device open, as CUDA has from its start; by that and not by
    NVML's list, which has other numbers in containers. True where the system does not say."""
    try:
        entries = list((processes / str(pid) / "fd").iterdir())
    except FileNotFoundError:  # it ended
        return not processes.exists()
    except OSError:
        return True
    return any(_target(entry).startswith(_DEVICES) for entry in entries)


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:  # closed meanwhile
        return ""


def _asked(nvml: Any, ask: Callable[[], Any]) -> Any:
    """The answer, or None where this GPU or driver has none."""
    try:
        return ask()
    except nvml.NVMLError:
        return None


def _limited_ns(nvml: Any, gpu: Any) -> dict[int, int]:
    def count(policy: int) -> int:
        return int(nvml.nvmlDeviceGetViolationStatus(gpu, policy).violationTime)

    counts = {policy: _asked(nvml, partial(count, policy)) for policy in _POLICIES}
    return {policy: taken for policy, taken in counts.items() if taken is not None}


def _others(running: Iterable[Any], ours: set[int]) -> int:
    """In a container the driver may list processes by the host's numbers, also ours: those are of
    no process here."""
    return sum(one.pid not in ours and psutil.pid_exists(one.pid) for one in running)
