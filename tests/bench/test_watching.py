"""The watch on this machine, with a real anchor in a real child."""

from __future__ import annotations

import os
import signal

import pytest

from bench import watching
from bench.harness import Turn
from bench.watching import MachineWatch
from sizewise.core.child import ChildError

TURN = Turn(pause_s=0.0, cold_calls=1, calls=2, seconds=0.0)


def test_an_anchor_that_died_is_started_again() -> None:
    with MachineWatch(60.0) as watch:
        before = watch._child.pid
        assert len(watch.measure_anchor(TURN).warm_ns) == 2
        os.kill(before, signal.SIGKILL)
        assert len(watch.measure_anchor(TURN).warm_ns) == 2
        assert watch._child.pid != before


def test_an_anchor_that_dies_again_and_again_ends_the_sweep_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with MachineWatch(60.0) as watch:
        monkeypatch.setattr(watching, "_ANCHOR", "os:abort")
        os.kill(watch._child.pid, signal.SIGKILL)
        with pytest.raises(ChildError, match="ended"):
            watch.measure_anchor(TURN)
