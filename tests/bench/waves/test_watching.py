"""The watch on this machine, with a real anchor in a real child."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.gate import Stops
from bench.timing.harness import Turn
from bench.waves import watching
from bench.waves.launch import Limits
from bench.waves.measured import blocks_of
from bench.waves.watching import MachineWatch
from engines.backends.fake import FakeOptions
from sizewise.core.children.child import Child
from sizewise.core.trials import Sample
from tests.bench.factories import Quiet, launch_in_process
from tests.bench.waves.test_waves import group_of, measured

TURN = Turn(pause_s=0.0, cold_calls=1, calls=2, seconds=0.0)


def test_an_anchor_that_died_is_started_again() -> None:
    with MachineWatch(60.0) as watch:
        before = child_of(watch).pid
        for _ in range(2):
            sample = watch.measure_anchor(TURN)
            assert sample is not None
            assert len(sample.warm_ns) == 2
            os.kill(child_of(watch).pid, signal.SIGKILL)
        assert child_of(watch).pid != before
        assert watch.anchor


def test_each_wave_has_an_anchor_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with MachineWatch(60.0, said.append) as watch:
        pids = []
        for _ in range(2):
            watch.begin_wave()
            pids.append(child_of(watch).pid)
        assert len(set(pids)) == 2
        monkeypatch.setattr(watching, "_ANCHOR", "os:abort")
        watch.begin_wave()
        assert watch.measure_anchor(TURN) is None
        assert (watch.anchor, len(said)) == ("", 1)


def test_where_an_anchor_dies_again_measuring_goes_on_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    with watching.watching(Limits(timeout_s=60), said.append) as watch:
        assert isinstance(watch, MachineWatch)
        assert watch.anchor
        monkeypatch.setattr(watching, "_ANCHOR", "os:abort")
        os.kill(child_of(watch).pid, signal.SIGKILL)
        watch.begin([os.getpid()])
        assert watch.measure_anchor(TURN) is None
        watch.end([os.getpid()])
        assert watch.anchor == ""
        monkeypatch.undo()
        assert watch.measure_anchor(TURN) is None, "it would be another one"
    assert len(said) == 1
    assert "crashed" in said[0]
    assert "goes on without the anchor" in said[0]


def test_a_wave_in_which_the_anchor_dies_keeps_it_for_the_rounds_before(
    tmp_path: Path, built_here: None
) -> None:
    class Dying(Quiet):
        anchor = "a kernel"
        calls = 0

        def measure_anchor(self, turn: Turn) -> Sample | None:
            self.calls += 1
            if self.calls > 1:
                self.anchor = ""
                return None
            return Sample(started_ns=0, latency_ns=(5, 5), cpu_ns=0)

    watch = Dying()
    group = group_of(tmp_path, FakeOptions(), rounds=3, block_s=0)
    wave, after = (
        measured(tmp_path, group, launch_in_process, number=n, watch=watch) for n in range(2)
    )
    assert (wave.anchor, after.anchor) == ("a kernel", "")
    assert [one.anchor is not None for one in wave.rounds] == [True, False, False]
    (blocks,) = blocks_of(wave, 1, session=1).values()
    assert [block.anchor_ns for block in blocks] == [5, None, None]


def test_a_stop_in_a_round_disturbs_it_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on by an hour in the second of three rounds."""
    now_s = 0.0
    monkeypatch.setattr("bench.gate.Stops", lambda: Stops(lambda: now_s, ticking=False))
    child = SimpleNamespace(pid=os.getpid(), close=lambda: None)
    monkeypatch.setattr(watching, "_start_anchor", lambda: child)
    with MachineWatch(60.0) as watch:
        codes = []
        for stopped_s in (0.0, 3600.0, 0.0):
            watch.begin([])
            now_s += 0.5 + stopped_s
            reading = watch.end([])
            assert reading.stopped_s == (3600.5 if stopped_s else 0)
            codes.append("stopped" in watch.disturbances(reading, None))
        assert codes == [False, True, False]
        assert watch.stopped_s == 3600.5


def child_of(watch: MachineWatch) -> Child:
    assert watch._child is not None
    return watch._child
