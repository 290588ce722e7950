from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import monitors
from bench.monitors import Reading


@given(
    cores=st.integers(1, 128),
    elapsed_s=st.floats(0.01, 100),
    own=st.floats(0, 1),
    others=st.floats(0, 1),
)
@settings(deadline=None)
def test_load_is_what_others_took_of_all_cores(
    cores: int, elapsed_s: float, own: float, others: float
) -> None:
    own_s, others_s = own * cores * elapsed_s, others * (1 - own) * cores * elapsed_s
    before = Reading(wall_ns=10**12, own_ns=5, busy_s=1000.0)
    after = Reading(
        wall_ns=10**12 + round(elapsed_s * 1e9),
        own_ns=5 + round(own_s * 1e9),
        busy_s=1000 + own_s + others_s,
    )
    load = monitors.foreign(before, after, cores).load
    assert load == pytest.approx(others * (1 - own), abs=1e-6)


@pytest.mark.parametrize(
    ("busy_s", "elapsed_s", "harmless"), [(0.2, 1.0, True), (0.9, 1.0, False), (0.02, 0.001, True)]
)
def test_a_block_is_disturbed_where_others_took_more_than_a_quarter_and_a_tick(
    busy_s: float, elapsed_s: float, harmless: bool
) -> None:
    before = Reading(wall_ns=0, own_ns=0, busy_s=0.0)
    after = Reading(wall_ns=round(elapsed_s * 1e9), own_ns=0, busy_s=busy_s)
    assert monitors.foreign(before, after, cores=2).harmless is harmless


BURN = "import time\nprint('.', flush=True)\nwhile True: pass"


def test_the_work_of_another_process_is_seen() -> None:
    cores = os.cpu_count() or 1
    with subprocess.Popen([sys.executable, "-c", BURN], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        before = monitors.read()
        time.sleep(1)
        foreign = monitors.foreign(before, monitors.read(), cores)
        other.kill()
    assert foreign.load > 0.3 / cores


def test_the_clock_rate_is_that_of_no_toy() -> None:
    assert monitors.clock_mhz() == 0 or 100 < monitors.clock_mhz() < 20_000
