"""A round's reading, from scripted snapshots and from this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gate.cores import CoreTimes, tick_s
from bench.gate.gpu import GpuState
from bench.gate.processes import OwnTimes
from bench.gate.snapshots import Snapshot, reading, snapshot
from sizewise.core.trials.disturbances import disturbances

SECOND = 10**9


def taken(
    wall_s: float = 0.0,
    *,
    idle: dict[int, float] | None = None,
    steal: dict[int, float] | None = None,
    own_s: float = 0.0,
    gpu: GpuState | None = None,
    clock_mhz: float = 0.0,
    **counters: int | None,
) -> Snapshot:
    """A snapshot of two cores. ``idle`` and ``steal`` are seconds by core."""
    seconds = {0: 0.0, 1: 0.0} if idle is None else idle
    stolen = steal or {}
    cores = {
        cpu: CoreTimes(idle_s=value, steal_s=stolen.get(cpu)) for cpu, value in seconds.items()
    }
    own = OwnTimes(own_ns=round(own_s * 1e9), ended_ns=0, children_ns={})
    wall_ns = round(wall_s * 1e9)
    return Snapshot(
        wall_ns=wall_ns,
        cores=cores,
        own=own,
        pressure_ns=counters.get("pressure_ns"),
        throttled_ns=counters.get("throttled_ns"),
        swapped_pages=counters.get("swapped_pages"),
        clock_mhz=clock_mhz,
        gpu=gpu,
    )


@given(
    cores=st.integers(1, 128),
    elapsed_s=st.floats(0.01, 100),
    own=st.floats(0, 1),
    others=st.floats(0, 1),
)
def test_load_is_what_others_took_of_all_cores(
    cores: int, elapsed_s: float, own: float, others: float
) -> None:
    own_s = own * cores * elapsed_s
    others_s = others * (1 - own) * cores * elapsed_s
    idle_s = (cores * elapsed_s - own_s - others_s) / cores
    start = taken(5.0, idle=dict.fromkeys(range(cores), 1000.0))
    end = taken(5 + elapsed_s, idle=dict.fromkeys(range(cores), 1000 + idle_s), own_s=own_s)
    assert reading(start, end).load == pytest.approx(others * (1 - own), abs=1e-6)


@pytest.mark.parametrize(
    ("others_s", "stolen_s", "codes"),
    [
        (0.0, 0.0, ()),
        (0.0, 0.24, ("steal",)),
        (0.3, 0.0, ("load",)),
        (0.3, 0.24, ("load", "steal")),
        (0.0, 0.05, ()),
    ],
)
def test_what_a_hypervisor_took_is_not_said_to_be_of_other_programs(
    others_s: float, stolen_s: float, codes: tuple[str, ...]
) -> None:
    """Two cores for a second, on a kernel that leaves stolen time out of what a process took. The
    engine works all the time that is left to it."""
    start = taken(0.0, steal={0: 3.0, 1: 3.0})
    end = taken(
        1.0,
        idle={0: 0.2, 1: 0.2},
        steal={0: 3.0 + stolen_s, 1: 3.0},
        own_s=2.0 - 0.4 - others_s - stolen_s,
    )
    found = reading(start, end)
    assert found.load == pytest.approx(others_s / 2)
    assert found.steal == pytest.approx(stolen_s / 2)
    assert disturbances(found) == codes


@pytest.mark.parametrize("stolen_s", [0.0, 0.1, 0.24])
def test_where_stolen_time_stands_in_our_own_too_other_programs_seem_to_take_less(
    stolen_s: float,
) -> None:
    """By what was stolen from us, and never more."""
    start = taken(0.0, steal={0: 0.0, 1: 0.0})
    others_s = 0.3
    end = taken(1.0, steal={0: stolen_s, 1: 0.0}, own_s=2.0 - others_s)
    assert reading(start, end).load == pytest.approx((others_s - stolen_s) / 2)


def test_only_cores_that_are_online_throughout_count() -> None:
    start = taken(0.0, idle={0: 5.0, 2: 70.0, 4: 1.0})
    end = taken(1.0, idle={0: 5.5, 2: 71.0, 6: 2.0})
    assert reading(start, end).load == pytest.approx(0.25)


def test_more_than_all_or_less_than_nothing_is_a_matter_of_rounding() -> None:
    assert reading(taken(0.0), taken(1.0, own_s=2.02)).load == 0
    assert reading(taken(0.0, idle={0: 1.0}), taken(1.0, idle={0: 0.99})).load == 1


def test_the_rest_are_shares_of_the_round() -> None:
    start = taken(
        3.0,
        steal={0: 1.0, 1: 2.0},
        pressure_ns=5,
        throttled_ns=100,
        swapped_pages=70,
        clock_mhz=1000,
    )
    end = taken(
        5.0,
        steal={0: 1.1, 1: 2.3},
        pressure_ns=5 + SECOND // 2,
        throttled_ns=100 + SECOND // 10,
        swapped_pages=73,
        clock_mhz=2400,
    )
    found = reading(start, end)
    assert found.steal == pytest.approx(0.4 / 4)
    assert found.elapsed_s == pytest.approx(2)
    assert found.resolution == pytest.approx(tick_s() / 2)
    assert found.pressure == pytest.approx(0.25)
    assert found.throttled == pytest.approx(0.05)
    assert (found.swapped_pages, found.clock_mhz) == (3, 2400)


@pytest.mark.parametrize(("first", "second"), [(None, 7), (7, None), (None, None)])
def test_what_the_system_does_not_say_stays_unknown(first: int | None, second: int | None) -> None:
    def with_counters(wall_s: float, value: int | None) -> Snapshot:
        return taken(wall_s, pressure_ns=value, throttled_ns=value, swapped_pages=value)

    found = reading(with_counters(0, first), with_counters(1, second))
    unknown = (found.pressure, found.throttled, found.swapped_pages, found.steal)
    assert unknown == (None, None, None, None)
    assert (found.devices, found.gpu_limits, found.gpu_programs) == ({}, (), None)


def gpu(*, reasons: int = 0, power_ns: int = 0, programs: int | None = 0) -> GpuState:
    return GpuState(
        name="H100",
        figures={"sm_mhz": 1980.0, "celsius": 41.0},
        reasons=reasons,
        limited_ns={0: power_ns},
        programs=programs,
    )


@pytest.mark.parametrize(
    ("end", "limits", "programs"),
    [
        pytest.param(gpu(reasons=0x1 | 0x2), (), 0, id="idle, at the user's clock"),
        pytest.param(gpu(reasons=0x4 | 0x40), ("heat", "its power limit"), 0, id="at the end"),
        pytest.param(gpu(power_ns=SECOND // 50), ("its power limit",), 0, id="in between"),
        pytest.param(gpu(power_ns=SECOND // 500), (), 0, id="hardly ever"),
        pytest.param(gpu(programs=2), (), 2, id="shared"),
        pytest.param(gpu(programs=None), (), 0, id="no longer known"),
    ],
)
def test_the_gpu_is_read_as_well(end: GpuState, limits: tuple[str, ...], programs: int) -> None:
    found = reading(taken(0.0, gpu=gpu()), taken(1.0, gpu=end))
    assert found.devices == {"H100": {"sm_mhz": 1980.0, "celsius": 41.0}}
    assert (found.gpu_limits, found.gpu_programs) == (limits, programs)


BURN = "print('.', flush=True)\nwhile True: pass"
MUCH_S, PATIENCE_S = 0.3, 60.0
"""CPU time of the other process that is waited for, and how long at most."""


@pytest.mark.parametrize("ours", [False, True], ids=["of others", "ours"])
def test_work_is_seen_and_told_from_ours(ours: bool) -> None:
    """By its own count of CPU time, however little of it a busy machine gives."""
    with subprocess.Popen([sys.executable, "-c", BURN], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            watched = psutil.Process(other.pid)
            took_before_s = watched.cpu_times().user
            pids = [other.pid] if ours else []
            start = snapshot(pids)
            end_s = time.monotonic() + PATIENCE_S
            while watched.cpu_times().user < took_before_s + MUCH_S and time.monotonic() < end_s:
                time.sleep(0.01)
            end = snapshot(pids)
        finally:
            other.kill()
    found = reading(start, end)
    cores_s = len(end.cores) * (end.wall_ns - start.wall_ns) / 1e9
    unknown_s = len(end.cores) * 2 * tick_s()
    if ours:
        assert found.load * cores_s <= cores_s - MUCH_S + unknown_s
    else:
        assert found.load * cores_s >= MUCH_S - unknown_s
    assert len(end.cores) <= (os.cpu_count() or 1)
