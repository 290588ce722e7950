"""The CPU time of us and of our children."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.gate import processes
from bench.gate.processes import OwnTimes, child_ns, own_times, taken_ns

BURN = """
import sys, time
while time.process_time() < float(sys.argv[1]): pass
print(flush=True)
sys.stdin.readline()
"""
PATIENCE_S = 60.0


def times(own: int, ended: int, **children: int) -> OwnTimes:
    """Children are named p1, p2 and so on."""
    by_pid = {int(name[1:]): taken for name, taken in children.items()}
    return OwnTimes(own_ns=own, ended_ns=ended, children_ns=by_pid)


@pytest.mark.parametrize(
    ("end", "taken"),
    [
        pytest.param(times(150, 1000, p1=70, p2=9), 50 + 20 + 2, id="all live"),
        pytest.param(times(150, 1000 + 75, p2=9), 50 + 25 + 2, id="one ended"),
        pytest.param(times(150, 1000, p2=9), 50 + 2, id="one ended, and nobody waited for it"),
        pytest.param(times(150, 1000, p1=70, p2=9, p3=40), 50 + 20 + 2 + 40, id="one is new"),
        pytest.param(times(150, 1000 + 75 + 12), 50 + 25 + 5, id="all ended"),
    ],
)
def test_what_we_took_is_of_all_our_processes(end: OwnTimes, taken: int) -> None:
    assert taken_ns(times(100, 1000, p1=50, p2=7), end) == taken


@given(
    starts=st.dictionaries(st.integers(1, 9), st.integers(0, 10**9)),
    took=st.lists(st.integers(0, 10**9), min_size=9, max_size=9),
    ended=st.sets(st.integers(1, 9)),
)
@settings(max_examples=50)
def test_what_we_took_is_the_same_whoever_ended(
    starts: dict[int, int], took: list[int], ended: set[int]
) -> None:
    ends = {pid: taken + took[pid - 1] for pid, taken in starts.items()}
    alive = {pid: taken for pid, taken in ends.items() if pid not in ended}
    gone = sum(taken for pid, taken in ends.items() if pid in ended)
    start = OwnTimes(own_ns=3, ended_ns=11, children_ns=starts)
    end = OwnTimes(own_ns=8, ended_ns=11 + gone, children_ns=alive)
    assert taken_ns(start, end) == 5 + sum(took[pid - 1] for pid in starts)


def burning(seconds: float) -> subprocess.Popen[str]:
    """A child that has taken so much CPU time, and waits to be ended."""
    child = subprocess.Popen(
        [sys.executable, "-c", BURN, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    child.stdout.readline()
    return child


@pytest.mark.parametrize("exact", [True, False], ids=["its own clock", "psutil"])
def test_a_childs_time_is_found_while_it_lives_and_after(
    monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    if not exact:
        monkeypatch.setattr(processes, "_clock_of_process", lambda: None)
    elif processes._clock_of_process() is None:
        pytest.skip("this system has no clocks of other processes")
    before = own_times([])
    with burning(0.15) as child:
        during = own_times([child.pid])
        child.communicate("end\n")
        wait_until(lambda: child_ns(child.pid) is None)
    after = own_times([child.pid])
    assert during.children_ns[child.pid] >= 0.12e9
    assert child.pid not in after.children_ns
    if os.name == "posix":
        assert after.ended_ns - before.ended_ns >= 0.12e9
        assert taken_ns(during, after) < 0.12e9 + after.own_ns - during.own_ns


def wait_until(holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not holds() and time.monotonic() < end_s:
        time.sleep(0.005)
    assert holds()
