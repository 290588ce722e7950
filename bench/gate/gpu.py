"""The NVIDIA GPU that engines run on, as its driver reports it through NVML (nvidia-ml-py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from bench.gate.gpu_programs import asked, other_programs
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
    time until now that each policy lowered the clock; ``programs`` is the number of others'
    processes at work on it, None where it is not known."""

    name: str
    figures: Mapping[str, float]
    reasons: int
    limited_ns: Mapping[int, int]
    programs: int | None


def gpu_state(ours: Iterable[int]) -> GpuState | None:
    """The GPU now; None without one, and where none of ``ours``, the numbers of our own children,
    uses it: what happens on it then disturbs nothing."""
    pids = tuple(ours)
    if not find_devices().found or not any(map(_uses_a_gpu, pids)):
        return None
    import pynvml

    try:
        opened = _opened()
    except pynvml.NVMLError:
        return None
    if opened is None:
        return None
    gpu, name = opened
    figures = {
        "sm_mhz": asked(pynvml, lambda: pynvml.nvmlDeviceGetClockInfo(gpu, _SM_CLOCK)),
        "celsius": asked(pynvml, lambda: pynvml.nvmlDeviceGetTemperature(gpu, _ON_THE_DIE)),
        "watts": asked(pynvml, lambda: pynvml.nvmlDeviceGetPowerUsage(gpu) / 1000),
    }
    return GpuState(
        name=name,
        figures={name: float(value) for name, value in figures.items() if value is not None},
        reasons=asked(pynvml, lambda: pynvml.nvmlDeviceGetCurrentClocksEventReasons(gpu)) or 0,
        limited_ns=_limited_ns(pynvml, gpu),
        programs=other_programs(pynvml, gpu, pids),
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
def _opened() -> tuple[Any, str] | None:
    """The handle of the GPU and its name, with NVML initialised for the life of this process.

    Raises NVMLError, which is not kept: the next round asks again. The name is: a GPU that is lost
    in the middle of a wave gives none.
    """
    import pynvml

    pynvml.nvmlInit()
    gpu = first_visible(pynvml)
    if gpu is None:
        return None
    return gpu, str(asked(pynvml, lambda: pynvml.nvmlDeviceGetName(gpu)) or "GPU")


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


def _limited_ns(nvml: Any, gpu: Any) -> dict[int, int]:
    def count(policy: int) -> int:
        return int(nvml.nvmlDeviceGetViolationStatus(gpu, policy).violationTime)

    counts = {policy: asked(nvml, partial(count, policy)) for policy in _POLICIES}
    return {policy: taken for policy, taken in counts.items() if taken is not None}
