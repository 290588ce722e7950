"""Back ends that take their process with them: each costs its own trial, and gives its reason."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

import psutil
import pytest

from bench.builds import Builds
from bench.waves.launch import Limits, launch_child
from bench.waves.measured import State
from engines.backends._failing import WAYS, Way
from engines.backends.fake import FakeOptions, Moment
from sizewise.core.errors import EngineError
from tests.bench.waves.test_waves import group_of, measured

CODES: dict[str, str] = {
    "crash": "crash_SIGABRT",
    "segfault": "crash_SIGSEGV",
    "hang": "timeout",
    "memory": "oom_host",
    "exit": "crash_exit_0",
    "garbage": "crash_protocol",
    "leave": "crash_exit_0",
}
LIMITS = Limits(timeout_s=60, memory_bytes=2**29)
QUICK = [way for way in WAYS if way not in ("hang", "crash")]
"""The others are in ``test_waves``."""


def broken(way: Way, moment: Moment, seed: int = 0) -> FakeOptions:
    return FakeOptions(fail_at=moment, fail_by=way, seed=seed)


@contextmanager
def leaving_nothing() -> Iterator[None]:
    """No process more than before."""
    before = {one.pid for one in psutil.Process().children(recursive=True)}
    yield
    after = psutil.Process().children(recursive=True)
    assert [one for one in after if one.pid not in before and "guard.py" not in cmdline(one)] == []


def cmdline(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_every_way_to_fail_has_its_code() -> None:
    assert {"error", *WAYS} == set(get_args(Way))
    assert set(CODES) == set(WAYS)


@pytest.mark.usefixtures("built_here")
def test_each_way_costs_one_trial_and_has_its_reason(tmp_path: Path) -> None:
    ways: list[Way] = [way for way in get_args(Way) if way in QUICK]
    moments: tuple[Moment, ...] = ("open", "run")
    options = [broken(way, moments[number % 2]) for number, way in enumerate(ways)]
    group = group_of(tmp_path, FakeOptions(), *options, rounds=1, block_s=0)
    with leaving_nothing():
        wave = measured(tmp_path, group, launch_child, limits=LIMITS)
    healthy, *failed = wave.members
    assert (healthy.state, len(healthy.turns)) == (State(), 1)
    assert [one.state.reason_code for one in failed] == [CODES[way] for way in ways]
    for one in failed:
        assert (one.state.status, one.turns) == ("failed", ())
        assert one.state.reason


HUNDRED, AT_ONCE = 100, 10


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", WAYS)
def test_a_hundred_of_each_way_cost_their_own_trials(tmp_path: Path, way: Way) -> None:
    """At a random moment of a build, of opening or of a call; ten wait for their end at a time,
    beside one that is healthy."""
    choose = random.Random(way)
    options = [
        broken(way, choose.choice(("build", "open", "run")), seed) for seed in range(HUNDRED)
    ]
    limits = replace(LIMITS, timeout_s=10 if way == "hang" else 60)
    found: list[str] = []
    for start in range(0, HUNDRED, AT_ONCE):
        some = options[start : start + AT_ONCE]
        group = group_of(tmp_path, *some, rounds=1, block_s=0)
        builds = Builds(tmp_path / "engines", limits)
        opened = []
        for planned in group.members:
            try:
                builds.obtain(planned)
                opened.append(planned)
            except EngineError as error:
                found.append(error.reason_code)
        sound = group_of(tmp_path, FakeOptions(), rounds=1, block_s=0).members
        members = replace(group, members=(*sound, *opened))
        with leaving_nothing():
            healthy, *failed = measured(tmp_path, members, launch_child, limits=limits).members
        assert healthy.state == State()
        found += [one.state.reason_code for one in failed]
    assert found == [CODES[way]] * HUNDRED
    assert not [one for one in (tmp_path / "engines").iterdir() if one.name.startswith(".")]
