"""What the system says of this process and of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import readings
from bench.readings import CpuTime
from sizewise.core.child import run_in_child


def test_the_peak_stays_when_the_memory_is_given_back() -> None:
    before = readings.peak_bytes()
    if before is None:
        pytest.skip("the system reports no peaks")
    np.ones(2 * before, np.uint8)
    assert (readings.peak_bytes() or 0) >= 2 * before


def test_a_childs_peak_is_not_its_parents() -> None:
    held = np.ones(300 * 2**20, np.uint8)
    peak = run_in_child("bench.readings:peak_bytes", {}, timeout_s=60)
    if peak is None:
        pytest.skip("the system reports no peaks")
    assert 2**20 < peak < held.nbytes


def test_no_peak_where_the_system_has_none(tmp_path: Path) -> None:
    assert readings.peak_bytes(tmp_path / "status") is None
    (tmp_path / "status").write_text("Name:\tpython\n")
    assert readings.peak_bytes(tmp_path / "status") is None


BROUGHT = """
import sys
import sizewise.core.child_main
before = set(sys.modules)
import bench.readings
print(*sorted(set(sys.modules) - before))
"""


def test_readings_bring_nothing_into_the_child_that_they_weigh() -> None:
    listed = subprocess.run(
        [sys.executable, "-c", BROUGHT], capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == ["bench", "bench.readings"]


@given(
    cores=st.integers(1, 128),
    elapsed_s=st.floats(0.01, 100),
    own=st.floats(0, 1),
    others=st.floats(0, 1),
)
@settings(deadline=None)
def test_background_load_is_what_others_took_of_all_cores(
    cores: int, elapsed_s: float, own: float, others: float
) -> None:
    own_s, others_s = own * cores * elapsed_s, others * (1 - own) * cores * elapsed_s
    before = CpuTime(wall_ns=10**12, own_ns=5, busy_s=1000.0)
    after = CpuTime(
        wall_ns=10**12 + round(elapsed_s * 1e9),
        own_ns=5 + round(own_s * 1e9),
        busy_s=1000 + own_s + others_s,
    )
    load = readings.background_load(before, after, cores).load
    assert load == pytest.approx(others * (1 - own), abs=1e-6)


@pytest.mark.parametrize(
    ("busy_s", "elapsed_s", "harmless"), [(0.2, 1.0, True), (0.9, 1.0, False), (0.02, 0.001, True)]
)
def test_a_block_is_disturbed_where_others_took_more_than_a_quarter_and_a_tick(
    busy_s: float, elapsed_s: float, harmless: bool
) -> None:
    before = CpuTime(wall_ns=0, own_ns=0, busy_s=0.0)
    after = CpuTime(wall_ns=round(elapsed_s * 1e9), own_ns=0, busy_s=busy_s)
    assert readings.background_load(before, after, cores=2).harmless is harmless


BURN = "import time\nprint('.', flush=True)\nwhile True: pass"
MUCH_S, PATIENCE_S = 0.3, 60.0
"""CPU time of the other process that is waited for, and how long at most."""


def test_the_work_of_another_process_is_seen() -> None:
    """By its own count of CPU time, however little of it a busy machine gives."""
    import psutil

    cores = os.cpu_count() or 1
    with subprocess.Popen([sys.executable, "-c", BURN], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            watched = psutil.Process(other.pid)
            took_before_s = watched.cpu_times().user
            before = readings.cpu_time()
            end_s = time.monotonic() + PATIENCE_S
            while watched.cpu_times().user < took_before_s + MUCH_S and time.monotonic() < end_s:
                time.sleep(0.01)
            after = readings.cpu_time()
        finally:
            other.kill()
    elapsed_s = (after.wall_ns - before.wall_ns) / 1e9
    load = readings.background_load(before, after, cores).load
    assert load * elapsed_s * cores > MUCH_S / 2


def test_the_clock_rate_is_that_of_no_toy() -> None:
    assert readings.clock_mhz() == 0 or 100 < readings.clock_mhz() < 20_000
