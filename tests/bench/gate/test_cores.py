"""The cores' times, from made-up files of /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.gate import cores
from bench.gate.cores import CoreTimes, clock_mhz, core_times, tick_s

REST = "intr 9513455 0 1\nctxt 16338345\nbtime 1795652191\nsoftirq 4 0 8\n"


def stat(folder: Path, ticks: dict[int, Iterable[int]]) -> Path:
    """A /proc/stat that lists these cores."""
    every = [list(of_core) for of_core in ticks.values()]
    whole = [sum(column) for column in zip(*every, strict=True)]
    lines = [f"cpu  {' '.join(map(str, whole))}"]
    lines += [f"cpu{cpu} {' '.join(map(str, of_core))}" for cpu, of_core in ticks.items()]
    path = folder / "stat"
    path.write_text("\n".join(lines) + "\n" + REST)
    return path


def ticks(*, idle: int, iowait: int = 0, steal: int = 0) -> list[int]:
    return [700, 30, 200, idle, iowait, 0, 17, steal, 5, 0]


@pytest.fixture
def usable(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(*numbers: int) -> None:
        monkeypatch.setattr(cores, "allowed_cpus", lambda: frozenset(numbers))

    return use


def test_times_are_those_of_the_usable_cores(tmp_path: Path, usable: Any) -> None:
    usable(1, 2)
    path = stat(
        tmp_path,
        {
            0: ticks(idle=1000),
            1: ticks(idle=2000, iowait=50, steal=9),
            2: ticks(idle=40),
            10: ticks(idle=3),
        },
    )
    tick = tick_s()
    assert core_times(path) == {
        1: CoreTimes(idle_s=2050 * tick, steal_s=9 * tick),
        2: CoreTimes(idle_s=40 * tick, steal_s=0.0),
    }


def test_cores_are_found_by_name_where_some_are_offline(tmp_path: Path, usable: Any) -> None:
    usable(0, 2)
    path = stat(tmp_path, {0: ticks(idle=10), 2: ticks(idle=20)})
    assert {cpu: core.idle_s for cpu, core in core_times(path).items()} == {
        0: pytest.approx(10 * tick_s()),
        2: pytest.approx(20 * tick_s()),
    }


def test_all_cores_are_usable_where_a_container_numbers_its_own(
    tmp_path: Path, usable: Any
) -> None:
    usable(17, 18)
    path = stat(tmp_path, {0: ticks(idle=10), 1: ticks(idle=20)})
    assert set(core_times(path)) == {0, 1}


def test_kernels_without_steal_say_nothing_of_it(tmp_path: Path, usable: Any) -> None:
    usable(0)
    path = stat(tmp_path, {0: ticks(idle=10)[:7]})
    assert core_times(path)[0].steal_s is None


def test_systems_without_proc_are_read_by_psutil(
    tmp_path: Path, usable: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usable(0, 1)
    listed = [SimpleNamespace(idle=12.5), SimpleNamespace(idle=3.25)]
    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: listed if percpu else None)
    assert core_times(tmp_path / "stat") == {
        0: CoreTimes(idle_s=12.5),
        1: CoreTimes(idle_s=3.25),
    }


@given(numbers=st.sets(st.integers(0, 300), min_size=1, max_size=20))
@settings(max_examples=30)
def test_no_set_of_online_cores_is_too_odd(
    tmp_path_factory: pytest.TempPathFactory, numbers: set[int]
) -> None:
    path = stat(tmp_path_factory.mktemp("proc"), {cpu: ticks(idle=cpu) for cpu in numbers})
    found = core_times(path)
    assert found.keys() <= numbers
    assert found
    assert all(core.idle_s == pytest.approx(cpu * tick_s()) for cpu, core in found.items())


def test_this_machines_cores_are_found() -> None:
    assert len(core_times()) <= (os.cpu_count() or 1)
    assert all(core.idle_s > 0 for core in core_times().values())


def test_the_clock_rate_is_that_of_no_toy() -> None:
    assert clock_mhz() == 0 or 100 < clock_mhz() < 20_000


@pytest.mark.parametrize("trouble", [NotImplementedError("no frequency"), OSError("gone")])
def test_an_unknown_clock_rate_is_zero(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    def fail() -> None:
        raise trouble

    monkeypatch.setattr(psutil, "cpu_freq", fail)
    assert clock_mhz() == 0
