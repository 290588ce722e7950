"""Real builds and sweeps that are killed, interrupted or stopped lose nothing."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tests.bench.models import colours
from tests.faults import kills, signals
from tests.faults.disturbing import Place, build
from tests.faults.lives import KILL_AFTER, Fault, can_be_lived
from tests.faults.sending import Case, heeding

pytestmark = pytest.mark.skipif(not can_be_lived(), reason="needs Linux and a C compiler")


def test_a_build_that_was_killed_and_then_interrupted_goes_on(tmp_path: Path) -> None:
    model = colours(tmp_path / "model.onnx").path
    place = Place(build(model, "fake", "32"), tmp_path / "place")
    named = Fault(op="rename", path="fake-static-32x32-*", nth=1, action=KILL_AFTER)
    killed = place.live(named)
    assert (killed.status, killed.hit) == (-signal.SIGKILL, True)
    (engine,) = place.engines
    assert engine.startswith("fake-static-32x32-")
    early = Case(0, signal.SIGINT, to_group=True, moment=0.0, chance=random.Random(0))
    with heeding():
        life = place.live(meanwhile=lambda process: early.disturb(process, life_s=0.0))
    assert (life.status, early.late, place.drafts()) == (130, "", [])
    place.expect_whole(place.live())  # which takes the engine that was there
    assert [*place.engines] == [engine]


@pytest.mark.slow
def test_kills_cost_nothing(tmp_path: Path) -> None:
    found = kills.campaign(24, 14, tmp_path)
    assert found.violations == []
    assert sum(count for what, count in found.counts.items() if "within" in what) == 8


@pytest.mark.slow
def test_signals_cost_nothing(tmp_path: Path) -> None:
    found = signals.campaign(16, 14, tmp_path)
    assert (found.cases, found.violations) == (16, [])
