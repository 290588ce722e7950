"""A process that does not run notices it afterwards, by the clock that went on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gate.stops import LONGEST_S, Stops

steps = st.lists(st.floats(0, LONGEST_S) | st.floats(LONGEST_S + 0.01, 1e6))


@given(steps)
def test_steps_that_are_far_too_long_count_whole_and_others_not_at_all(steps: list[float]) -> None:
    now_s, script = 1000.0, iter([0.0, *steps])

    def now() -> float:
        nonlocal now_s
        now_s += next(script)
        return now_s

    stops = Stops(now, ticking=False)
    counted = [stops.seconds() for _ in steps]
    long = [step for step in steps if step > LONGEST_S]
    assert (counted[-1] if counted else 0.0) == pytest.approx(sum(long), abs=1e-3)
    assert counted == sorted(counted)


def test_a_thread_looks_at_the_clock_until_it_is_closed() -> None:
    """So a wait for one answer is many short steps."""
    here, looked = threading.get_ident(), threading.Event()

    def now() -> float:
        if threading.get_ident() != here:
            looked.set()
        return 0.0

    with Stops(now) as stops:
        assert looked.wait(60)
    assert not stops._thread.is_alive()


STOPPED = """
import sys
from bench.gate import stops
stops.LONGEST_S = 0.5
with stops.Stops() as watched:
    print("ready", flush=True)
    sys.stdin.readline()
    print(watched.seconds(), flush=True)
"""
STOP_S = 0.7


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="there is no Ctrl-Z")
def test_a_stop_is_seen_as_soon_as_the_process_goes_on() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGSTOP)
        while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.01)
        process.stdin.write("\n")  # read at once when it goes on, perhaps before the thread looks
        process.stdin.flush()
        time.sleep(STOP_S)
        os.kill(process.pid, signal.SIGCONT)
        assert float(process.stdout.readline()) >= STOP_S - 0.01
