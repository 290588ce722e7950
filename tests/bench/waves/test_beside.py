"""What is measured beside the rounds: in a fair order, and never at the cost of the latency."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.remote import RemoteWorker
from bench.waves.launch import WORKER, Launch, Limits
from bench.waves.measured import Member
from bench.waves.wave import PICTURE_TURNS, Watch
from engines.backends.fake import FakeOptions
from sizewise.core.children.child import Child
from sizewise.core.errors import InputError
from sizewise.core.specs import Size
from sizewise.core.trials import Reading, Sample
from tests.bench.factories import InProcess, Quiet, launch_in_process
from tests.bench.pictures import write_pictures
from tests.bench.waves.test_waves import group_of, many_sizes, measured, with_spec

pytestmark = pytest.mark.usefixtures("built_here")

SIZES = [Size(32, 32), Size(64, 64)]
GONE = "Its process had ended by then."


def pictures_in(folder: Path) -> list[Path]:
    write_pictures(folder)
    return sorted(folder.glob("*.png"))


def dynamic(
    folder: Path, launch: Launch, pictures: Sequence[Path] = (), watch: Watch | None = None
) -> Member:
    """One engine for two sizes, with parts of a call, in a wave of two rounds."""
    static = group_of(folder, FakeOptions(copies=0.2), rounds=2, block_s=0)
    group = with_spec(static, replace(static.members[0].trial.spec, **many_sizes(SIZES)))
    wave = measured(folder, group, launch, sizes=SIZES, pictures=pictures, watch=watch)
    return wave.members[0]


def reasons(member: Member) -> dict[str, str]:
    """Why something is missing beside the rounds, in a trial that keeps its latency."""
    assert (member.state.status, len(member.turns)) == ("ok", 2)
    assert member.first_call is not None
    change = {"change": member.first_call.change_reason} if member.first_call.change_reason else {}
    return {**change, **member.first_call.failures}


def test_all_is_measured_where_nothing_fails(tmp_path: Path) -> None:
    member = dynamic(tmp_path, launch_in_process, pictures_in(tmp_path))
    assert reasons(member) == {}
    assert member.first_call is not None
    assert member.first_call.change is not None
    assert len(member.parts) == 3
    assert {len(part.latency_ns) for part in member.end_to_end} == {7}
    assert member.memory is None or member.memory.walk_bytes is not None


class Scripted(Quiet):
    """Says of each round, and then of each turn of pictures, what it is told to; notes what it is
    asked."""

    def __init__(self, codes: Sequence[tuple[str, ...]]) -> None:
        self._codes = list(codes)
        self.asked: list[str] = []

    def begin(self, pids: Sequence[int]) -> None:
        assert pids
        self.asked.append("begin")

    def end(self, pids: Sequence[int]) -> Reading:
        self.asked.append("end")
        return super().end(pids)

    def disturbances(self, reading: Reading, anchor: Sample | None) -> tuple[str, ...]:
        return self._codes.pop(0)


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([(), (), ()], ()),
        ([("load",), (), ()], ()),
        ([("load",), (), ("steal", "load")], ("load", "steal")),
        ([("swap",)] * 3, ("swap",)),
    ],
    ids=["quiet", "one of three", "two", "all"],
)
def test_pictures_are_timed_while_the_machine_is_watched(
    tmp_path: Path, turns: list[tuple[str, ...]], said: tuple[str, ...]
) -> None:
    watch = Scripted([(), (), *turns])
    member = dynamic(tmp_path, launch_in_process, pictures_in(tmp_path), watch)
    assert watch.asked == ["begin", "end"] * (2 + PICTURE_TURNS)
    assert {part.disturbed for part in member.end_to_end} == {said}
    assert {part.disturbed for part in member.parts} == {()}


def test_nothing_is_watched_where_there_are_no_pictures(tmp_path: Path) -> None:
    watch = Scripted([(), ()])
    dynamic(tmp_path, launch_in_process, (), watch)
    assert watch.asked == ["begin", "end"] * 2


def test_a_picture_that_can_not_be_decoded_costs_the_way_alone(tmp_path: Path) -> None:
    pictures = pictures_in(tmp_path)
    pictures[1].write_bytes(b"no picture")
    member = dynamic(tmp_path, launch_in_process, pictures)
    found = reasons(member)
    assert list(found) == ["end_to_end"]
    assert "1.png can't be decoded" in found["end_to_end"]
    assert member.first_call is not None
    assert member.first_call.change is not None
    assert len(member.parts) == 3
    assert {len(part.latency_ns) for part in member.end_to_end} == {3}, "of the turn before"


class Mortal(Child):
    """A child that is killed as soon as it is asked for ``last``; later calls are noted."""

    def __init__(self, last: str, later: list[str]) -> None:
        super().__init__(WORKER)
        self._last, self._later, self._killed = last, later, False

    def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float, **how: Any) -> Any:
        if self._killed:
            self._later.append(method)
        if method == self._last:
            os.kill(self.pid, signal.SIGKILL)
            self._killed = True
        return super().call(method, arguments, timeout_s=timeout_s, **how)


@pytest.mark.parametrize(
    ("last", "missing"),
    [
        ("memory", {"memory": "SIGKILL", "parts": GONE, "change": GONE, "walk": GONE}),
        ("change_shape", {"change": "SIGKILL", "walk": GONE}),
        ("walk", {"walk": "SIGKILL"}),
        ("end_to_end", {}),
    ],
)
def test_an_engine_that_dies_beside_the_rounds_keeps_its_latency_and_is_left_alone(
    tmp_path: Path, last: str, missing: dict[str, str]
) -> None:
    later: list[str] = []

    def launch(limits: Limits) -> RemoteWorker:
        return RemoteWorker(Mortal(last, later), timeout_s=60)

    member = dynamic(tmp_path, launch, pictures_in(tmp_path))
    found = reasons(member)
    way = "SIGKILL" if last == "end_to_end" else GONE
    assert found.keys() == {*missing, "end_to_end"}
    for name, why in {**missing, "end_to_end": way}.items():
        assert why in found[name]
    assert later == []


def test_a_failure_that_leaves_the_process_alive_costs_nothing_else(tmp_path: Path) -> None:
    class Refusing(InProcess):
        def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
            if method in ("parts", "walk"):
                raise InputError(f"No {method}", "it is a test", "Nothing.")
            return super().call(method, arguments, timeout_s=timeout_s)

    def launch(limits: Limits) -> RemoteWorker:
        return RemoteWorker(Refusing(), timeout_s=60)

    member = dynamic(tmp_path, launch, pictures_in(tmp_path))
    found = reasons(member)
    assert [*found] == ["parts", "walk"]
    assert found["parts"].startswith("No parts")
    assert {len(part.latency_ns) for part in member.end_to_end} == {7}


def test_nobody_is_always_first(tmp_path: Path) -> None:
    """Neither at the cold start nor beside the rounds; and pictures are taken by turns."""
    log: list[tuple[str, int]] = []
    started: list[InProcess] = []

    class Noting(InProcess):
        def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
            log.append((method, started.index(self)))
            return super().call(method, arguments, timeout_s=timeout_s)

    def launch(limits: Limits) -> RemoteWorker:
        started.append(Noting())
        return RemoteWorker(started[-1], timeout_s=60)

    def orders(method: str) -> list[int]:
        return [engine for called, engine in log if called == method]

    pictures = pictures_in(tmp_path)
    group = group_of(tmp_path, *[FakeOptions()] * 4, rounds=1, block_s=0)
    firsts: dict[str, set[int]] = {}
    for number in range(6):
        log.clear()
        started.clear()
        measured(tmp_path, group, launch, number=number, pictures=pictures)
        for method in ("open", "memory", "end_to_end"):
            order = orders(method)
            firsts.setdefault(method, set()).add(order[0])
            turns = [order[start : start + 4] for start in range(0, len(order), 4)]
            assert len(turns) == (PICTURE_TURNS if method == "end_to_end" else 1)
            assert all(sorted(turn) == [0, 1, 2, 3] for turn in turns)
    assert all(len(some) > 1 for some in firsts.values())
