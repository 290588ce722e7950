"""A process that is stopped files no time-out when it goes on."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from sizewise.core.children.child import Child, run_in_child
from sizewise.core.children.clock import RunningTime
from tests.sizewise.core.children.processes import PATIENCE_S, soon


def test_short_steps_count_whole_and_long_ones_hardly() -> None:
    times = iter([0.0, 0.1, 2.1, 3602.1, 3602.2])
    clock = RunningTime(lambda: next(times))
    counted = []
    for _ in range(4):
        clock.tick()
        counted.append(clock.seconds)
    assert counted == pytest.approx([0.1, 2.1, 2.2, 2.3])


def test_a_call_outlives_a_stop_that_is_longer_than_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, stopped_s = tmp_path / "mark", 0.0

    def stop(done: float, note: str) -> None:
        nonlocal stopped_s
        stopped_s += 100 * PATIENCE_S
        mark.touch()

    now = lambda: time.monotonic() + stopped_s  # noqa: E731 - a clock
    monkeypatch.setattr("sizewise.core.children.child.RunningTime", lambda: RunningTime(now))
    arguments = {"path": str(mark)}
    seen = run_in_child("acts:wait_for", arguments, timeout_s=PATIENCE_S, on_progress=stop)
    assert (seen, stopped_s) == ("seen", 100 * PATIENCE_S)


def test_an_answer_that_is_there_comes_before_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, mark = RunningTime(), tmp_path / "mark"

    def hear(done: float, note: str) -> None:
        mark.touch()
        assert soon(lambda: child._process._answers._unread.qsize() > 0)
        clock.seconds = math.inf

    monkeypatch.setattr("sizewise.core.children.child.RunningTime", lambda: clock)
    with Child("acts:wait_for") as child:
        arguments = {"path": str(mark)}
        assert child.call("", arguments, timeout_s=PATIENCE_S, on_progress=hear) == "seen"
