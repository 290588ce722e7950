"""What the system says of this process's memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.timing import readings
from sizewise.core.children.child import run_in_child

MIB = 2**20


def test_the_peak_stays_when_the_memory_is_given_back() -> None:
    readings.reset_peak()  # where it can: there is less to fill then
    before, held = readings.peak_bytes(), readings.resident_bytes()
    if before is None or held is None:
        pytest.skip("the system reports no peaks")
    np.ones(before - held + 200 * MIB, np.uint8)
    assert (readings.peak_bytes() or 0) >= before + 150 * MIB


def test_the_peak_begins_anew() -> None:
    """Two peaks are told apart: of what was given back before, and of what came after."""
    before = readings.resident_bytes()
    if before is None or not readings.reset_peak():
        pytest.skip("the system can't set peaks back")
    np.ones(200 * MIB, np.uint8)
    first = readings.peak_bytes() or 0
    assert readings.reset_peak()
    np.ones(60 * MIB, np.uint8)
    second = readings.peak_bytes() or 0
    assert first > before + 190 * MIB
    assert before < second < first - 100 * MIB


def test_what_is_held_is_resident() -> None:
    before = readings.resident_bytes()
    if before is None:
        pytest.skip("the system does not report resident memory")
    held = np.ones(100 * MIB, np.uint8)
    during = readings.resident_bytes() or 0
    assert during > before + 0.9 * held.nbytes
    del held
    assert (readings.resident_bytes() or 0) < during - 90 * MIB


def test_a_childs_peak_is_not_its_parents() -> None:
    held = np.ones(300 * MIB, np.uint8)
    peak = run_in_child("bench.timing.readings:peak_bytes", {}, timeout_s=60)
    if peak is None:
        pytest.skip("the system reports no peaks")
    assert MIB < peak < held.nbytes


STATUS = "Name:\tpython\nVmPeak:\t 9000 kB\nVmHWM:\t    5120 kB\nVmRSS:\t    4100 kB\n"


def test_peak_and_resident_memory_are_read_from_proc(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text(STATUS)
    assert readings.peak_bytes(status) == 5120 * 1024
    assert readings.resident_bytes(status) == 4100 * 1024


def test_nothing_is_known_where_the_system_does_not_say(tmp_path: Path) -> None:
    status = tmp_path / "status"
    assert readings.peak_bytes(status) is None
    status.write_text("Name:\tpython\n")
    assert readings.peak_bytes(status) is None
    assert readings.resident_bytes(status) is None


def test_what_sets_a_peak_back_is_a_5(tmp_path: Path) -> None:
    clear = tmp_path / "clear_refs"
    assert readings.reset_peak(clear)
    assert clear.read_text() == "5"
    assert not readings.reset_peak(tmp_path / "nowhere" / "clear_refs")


BROUGHT = """
import sys
import sizewise.core.children.main
before = set(sys.modules)
import bench.timing.readings
print(*sorted(set(sys.modules) - before))
"""


def test_readings_bring_nothing_into_the_child_that_they_weigh() -> None:
    listed = subprocess.run(
        [sys.executable, "-c", BROUGHT], capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == ["bench", "bench.timing", "bench.timing.readings"]
