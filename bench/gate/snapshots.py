"""A round's reading: the difference of two snapshots of the machine.

The bench process takes them, before the first turn of a round and after the last. Over a whole
round the cores' ticks are fine enough; over one turn of a tenth of a second they are not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bench.gate.cores import CoreTimes, clock_mhz, core_times, tick_s
from bench.gate.gpu import GpuState, gpu_state, limits_between
from bench.gate.processes import OwnTimes, own_times, taken_ns
from bench.gate.waiting import pressure_ns, swapped_pages, throttled_ns
from sizewise.core.trials import Reading


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The machine's counters at one moment (``wall_ns``, monotonic)."""

    wall_ns: int
    cores: Mapping[int, CoreTimes]
    own: OwnTimes
    pressure_ns: int | None = None
    throttled_ns: int | None = None
    swapped_pages: int | None = None
    clock_mhz: float = 0.0
    gpu: GpuState | None = None


def snapshot(children: Iterable[int]) -> Snapshot:
    """The counters now. ``children`` are the numbers of our processes that are at work; the GPU is
    read where any of them uses it."""
    pids = tuple(children)
    wall_ns = time.monotonic_ns()
    return Snapshot(
        wall_ns=wall_ns,
        cores=core_times(),
        own=own_times(pids),
        pressure_ns=pressure_ns(),
        throttled_ns=throttled_ns(),
        swapped_pages=swapped_pages(),
        clock_mhz=clock_mhz(),
        gpu=gpu_state(pids),
    )


def reading(start: Snapshot, end: Snapshot) -> Reading:
    """What else happened between two snapshots. Only cores that both hold count.

    Others took what was neither idle, nor ours, nor stolen. Kernels with
    ``PARAVIRT_TIME_ACCOUNTING``, as distributions build them, leave stolen time out of what a
    process took. In others it stands there too: then ``load`` lacks what was stolen from us, which
    is at most ``steal``.
    """
    elapsed_ns = max(end.wall_ns - start.wall_ns, 1)
    elapsed_s = elapsed_ns / 1e9
    common = start.cores.keys() & end.cores.keys()
    whole_s = elapsed_s * max(len(common), 1)
    idle_s = sum(end.cores[cpu].idle_s - start.cores[cpu].idle_s for cpu in common)
    own_s = taken_ns(start.own, end.own) / 1e9
    stolen_s = [_stolen(start.cores[cpu], end.cores[cpu]) for cpu in common]
    known_s = [seconds for seconds in stolen_s if seconds is not None]
    return Reading(
        load=_share((whole_s - idle_s - own_s - sum(known_s)) / whole_s),
        steal=_share(sum(known_s) / whole_s) if known_s else None,
        elapsed_s=elapsed_s,
        resolution=tick_s() / elapsed_s,
        pressure=_rate(start, end, lambda one: one.pressure_ns, elapsed_ns),
        throttled=_rate(start, end, lambda one: one.throttled_ns, elapsed_ns),
        swapped_pages=_rise(start.swapped_pages, end.swapped_pages),
        clock_mhz=end.clock_mhz,
        devices={} if end.gpu is None else {end.gpu.name: end.gpu.figures},
        gpu_limits=_limits(start.gpu, end.gpu, elapsed_ns),
        gpu_programs=_most(start.gpu, end.gpu),
    )


def _stolen(start: CoreTimes, end: CoreTimes) -> float | None:
    if start.steal_s is None or end.steal_s is None:
        return None
    return end.steal_s - start.steal_s


def _rise(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start


def _rate(
    start: Snapshot, end: Snapshot, counter: Callable[[Snapshot], int | None], elapsed_ns: int
) -> float | None:
    rise = _rise(counter(start), counter(end))
    return None if rise is None else _share(rise / elapsed_ns)


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _limits(start: GpuState | None, end: GpuState | None, elapsed_ns: int) -> tuple[str, ...]:
    return () if start is None or end is None else limits_between(start, end, elapsed_ns)


def _most(*states: GpuState | None) -> int | None:
    """The other programs on the GPU, before or after."""
    counts = [state.programs for state in states if state is not None]
    return max((count for count in counts if count is not None), default=None)
