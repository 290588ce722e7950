"""How fast a training goes: its loop beside a bare one, and one core's loader beside what the
network consumes. Read ``share`` and ``times``, never the times of day: ``docs.make.training``
records them."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from docs.make.training.measure import LOOP, PRESETS, SIZE, consuming
from docs.make.training.speeds import LEAST_SHARE, LEAST_TIMES, Loops, bare_loop, loaded, pictures
from sizewise.core.machine.cores import usable_cores

TURNS = 3


@pytest.mark.benchmark(group="a training's loop and a bare one (read share)")
def test_the_loop_is_nearly_as_fast_as_a_bare_one(
    benchmark: BenchmarkFixture, tmp_path: Path
) -> None:
    loops = Loops(pictures(tmp_path, 8), LOOP)
    benchmark.pedantic(loops.take_turn, rounds=TURNS, iterations=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info |= {name: loops.share(of_cpu=name == "cpu") for name in ("cpu", "wall")}
    assert loops.share(of_cpu=True) >= LEAST_SHARE


@pytest.mark.benchmark(group="one core's loader and the network's consumption (read times)")
@pytest.mark.parametrize("preset", PRESETS)
def test_one_core_loads_more_than_the_network_consumes(
    benchmark: BenchmarkFixture, tmp_path: Path, preset: str
) -> None:
    data, times = pictures(tmp_path, 16), list[float]()

    def take_turn() -> None:
        consumed = usable_cores() * bare_loop(data, consuming(steps=1)).per_s(of_cpu=True)
        times.append(loaded(data, preset, 24, SIZE).per_s(of_cpu=True) / consumed)

    benchmark.pedantic(take_turn, rounds=TURNS, iterations=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info |= {"times": statistics.median(times)}
    assert statistics.median(times) >= LEAST_TIMES
