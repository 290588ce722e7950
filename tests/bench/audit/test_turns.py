"""Two sides by turns, with workers whose latencies are scripted."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from bench.audit.turns import Shape, Side, measure_wave, ratio_of
from bench.remote import RemoteWorker
from bench.timing.harness import Turn
from sizewise.core.errors import InferenceError
from tests.bench.audit.audits import MS, ScriptedWorker, waves

SHAPE = Shape(rounds=4, turn=Turn(pause_s=0, cold_calls=2, calls=5, seconds=0))


def side(name: str, log: list[str], latency: Callable[[int], float]) -> Side:
    return Side(
        launch=lambda: ScriptedWorker(name, latency, log).remote(),
        prepare=_open,
    )


def _open(worker: RemoteWorker) -> None:
    worker.open()


def test_the_planted_ratio_is_found_and_drift_is_not_in_it() -> None:
    log: list[str] = []

    def drifting(turn: int) -> float:
        return MS * (1 + 0.5 * turn)

    first = side("a", log, lambda turn: 1.2 * drifting(turn))
    second = side("b", log, drifting)
    measured = [measure_wave(first, second, SHAPE, number) for number in range(3)]
    ratio = ratio_of(measured)
    assert ratio.point == pytest.approx(1.2, rel=1e-6)
    assert ratio.low == pytest.approx(1.2, rel=1e-5)
    assert measured[0].first.median_ns == tuple(round(1.2 * drifting(turn)) for turn in range(4))


def test_the_share_of_a_core_is_that_of_the_warm_calls() -> None:
    log: list[str] = []
    one = side("a", log, lambda turn: MS)
    assert measure_wave(one, one, SHAPE, 0).first.cpu_share == pytest.approx(7 / 5)


@pytest.mark.parametrize("number", [0, 1])
def test_each_begins_in_every_other_round_and_waves_alternate(number: int) -> None:
    log: list[str] = []
    sides = [side(name, log, lambda turn: MS) for name in "ab"]
    measure_wave(sides[0], sides[1], SHAPE, number)
    turns = [line[0] for line in log if line.endswith("measure")]
    assert turns == list("abba" * 2 if number == 0 else "baab" * 2)


def test_processes_are_fresh_in_each_wave_and_end_with_it() -> None:
    log: list[str] = []
    sides = [side(name, log, lambda turn: MS) for name in "ab"]
    for number in range(3):
        measure_wave(sides[0], sides[1], SHAPE, number)
    for name in "ab":
        assert [line for line in log if line.startswith(f"{name} start")] == [f"{name} starts"] * 3
        assert log.count(f"{name} ends") == 3


def test_a_failure_ends_both_processes() -> None:
    log: list[str] = []

    def failing(turn: int) -> float:
        raise InferenceError("It failed", "the test says so", "Change the test.")

    sides = side("a", log, lambda turn: MS), side("b", log, failing)
    with pytest.raises(InferenceError):
        measure_wave(*sides, SHAPE, 0)
    assert {"a ends", "b ends"} <= set(log)


def test_one_wave_has_no_interval() -> None:
    ratio = ratio_of(waves(math.log(1.1)))
    assert ratio.point == pytest.approx(1.1)
    assert (ratio.low, ratio.high) == (None, None)
