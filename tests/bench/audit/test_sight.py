"""The gate, with readings and a burner that are scripted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.audit import sight
from bench.audit.sight import BURNT_ROUNDS, QUIET_ROUNDS, look
from bench.audit.turns import Shape
from bench.gate.cores import CoreTimes
from bench.timing.harness import Turn
from bench.waves.launch import Limits
from sizewise.core.holding.closing import Closing
from sizewise.core.machine.nvidia import Devices
from sizewise.core.progress import Silent
from sizewise.core.specs import Size
from sizewise.core.trials import Reading, Sample
from sizewise.core.trials.disturbances import disturbances
from tests.bench.audit.audits import MS, ScriptedWorker, fake_engine
from tests.bench.factories import Quiet

SIZE = Size(64, 64)


class Burning(Quiet):
    """Sees whether the burner burns."""

    def __init__(self, log: list[str], reading: Reading) -> None:
        self._log, self._reading = log, reading

    def begin(self, pids: Sequence[int]) -> None:
        assert list(pids) == [ScriptedWorker.pid]
        self._log.append("begins")

    def end(self, pids: Sequence[int]) -> Reading:
        burns = "burner starts" in self._log and "burner ends" not in self._log
        return self._reading if burns else Reading()

    def disturbances(self, reading: Reading, anchor: Sample | None) -> tuple[str, ...]:
        assert anchor is None
        return ("load",) if reading.load > 0.1 else ()


@pytest.mark.usefixtures("built_here")
def test_a_burner_is_seen_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "usable_cores", lambda: 4)
    monkeypatch.setattr(sight, "find_devices", lambda: Devices(reason="none"))
    log: list[str] = []

    class Burner(Closing):
        def __init__(self, share: float) -> None:
            assert share == 0.5
            log.append("burner starts")

        def close(self) -> None:
            log.append("burner ends")

    with Silent().stage("The gate", 7) as stage:
        found = look(
            fake_engine(tmp_path, SIZE)[1],
            SIZE,
            Limits(timeout_s=1),
            Burning(log, Reading(load=0.125)),
            Shape(rounds=2, turn=Turn(pause_s=0, cold_calls=0, calls=1, seconds=0)),
            stage=stage,
            launch=lambda limits: ScriptedWorker("engine", lambda turn: MS, log).remote(),
            burner=Burner,
        )
    assert found.burnt == found.seen == 0.125
    assert found.flagged == BURNT_ROUNDS
    assert [one.disturbed for one in found.quiet] == [()] * QUIET_ROUNDS
    assert log.count("engine measure") == 2 * (QUIET_ROUNDS + BURNT_ROUNDS)
    assert log.index("burner ends") < log.index("engine ends")
    assert found.given == ("load",)
    assert found.missing == ("steal", "throttling", "swap", "GPU")
    assert found.recorded == ()


def test_a_reading_is_given_where_the_system_has_it() -> None:
    whole = Reading(
        load=0.0, steal=0.0, pressure=0.0, throttled=0.0, swapped_pages=0, clock_mhz=2400.0
    )
    given = [name for name, has in sight.READINGS.items() if has(whole) and name != "GPU"]
    assert given == ["load", "steal", "throttling", "swap"]
    assert all(has(whole) for has in sight.RECORDED.values())
    assert not any(has(Reading()) for has in sight.RECORDED.values())


def test_cores_that_never_idle_give_no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sight, "core_times", lambda: {0: CoreTimes(idle_s=0), 1: CoreTimes(idle_s=0)}
    )
    assert not sight.READINGS["load"](Reading(load=0.9))


def test_the_gate_judges_by_what_is_said_and_by_nothing_that_is_only_recorded() -> None:
    busy = Reading(
        load=0.5, steal=0.5, throttled=0.5, swapped_pages=9, gpu_programs=1, gpu_limits=("heat",)
    )
    assert len(disturbances(busy)) == len(sight.READINGS) + 1  # a GPU may disturb by two
    assert disturbances(Reading(pressure=1.0, clock_mhz=1.0)) == ()
