"""A group of engines, some of which fail: through real children, and in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.builds import Builds
from bench.launch import WORKER, Launch, Limits, launch_child
from bench.plan import Group, Planned, plan_sweep
from bench.remote import RemoteWorker
from bench.settings import SweepSettings
from bench.waves import Setup, measure_group, steps
from engines.backends.fake import FakeOptions
from sizewise.core.child import Child
from sizewise.core.errors import InferenceError
from sizewise.core.specs import (
    BatchRange,
    EngineArtifact,
    EngineMemory,
    EngineSpec,
    Profile,
    Size,
    Sizes,
)
from sizewise.core.trials import Result
from tests.bench.factories import InProcess, launch_in_process
from tests.bench.models import colours


class Bar:
    """A stage that counts."""

    def __init__(self) -> None:
        self.done = 0
        self.notes: list[str] = []

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.done += steps
        self.notes.append(note)


def group_of(folder: Path, *options: FakeOptions, **keys: Any) -> Group:
    """One static fake engine for each of ``options``."""
    settings = SweepSettings(
        backends=("fake",),
        strategies=("static",),
        sizes=Sizes.parse("32"),
        replicas=len(options),
        **keys,
    )
    (group,) = plan_sweep(
        [colours(folder / "model.onnx")],
        settings,
        environment_fingerprint="here",
        data_sha256={"": ""},
    )
    members = []
    for member, own in zip(group.members, options, strict=True):
        spec = replace(member.trial.spec, options=own)
        members.append(replace(member, trial=replace(member.trial, spec=spec)))
    return replace(group, members=tuple(members))


def with_spec(group: Group, *specs: EngineSpec) -> Group:
    """The group's first member with each of ``specs``."""
    first = group.members[0]
    members = (replace(first, trial=replace(first.trial, spec=spec)) for spec in specs)
    return replace(group, members=tuple(members))


def many_sizes(sizes: list[Size]) -> dict[str, Any]:
    return {"strategy": "dynamic", "profiles": (Profile.spanning(sizes),)}


def measured(
    folder: Path,
    group: Group,
    launch: Launch,
    *,
    obtain: Callable[[Planned], EngineArtifact] | None = None,
    limits: Limits = Limits(timeout_s=60),  # noqa: B008 - it is frozen
    bar: Bar | None = None,
) -> tuple[Result, ...]:
    setup = Setup(
        obtain=obtain or Builds(folder / "engines", Limits(timeout_s=60)).obtain,
        launch=launch,
        limits=limits,
        images={},
        stage=bar or Bar(),
    )
    return measure_group(setup, group)


class ImpatientOnce:
    """Children, of which the one started as number ``hanging`` has a second for its first calls.
    All others have the time that a busy machine may need."""

    def __init__(self, hanging: int) -> None:
        self._hanging = hanging
        self._started = 0

    def __call__(self, limits: Limits) -> RemoteWorker:
        impatient = self._started == self._hanging
        self._started += 1
        return RemoteWorker(Impatient(), timeout_s=1) if impatient else launch_child(limits)


class Impatient(Child):
    """Takes the time it needs to open, and what it is given for the rest."""

    def __init__(self) -> None:
        super().__init__(WORKER)

    def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float, **how: Any) -> Any:
        timeout_s = 60 if method == "__init__" else timeout_s
        return super().call(method, arguments, timeout_s=timeout_s, **how)


@pytest.mark.usefixtures("built_here")
def test_an_engine_that_crashes_hangs_or_gives_no_numbers_costs_its_own_trial(
    tmp_path: Path,
) -> None:
    group = group_of(
        tmp_path,
        FakeOptions(),
        FakeOptions(fail_at="build"),
        FakeOptions(fail_at="open"),
        FakeOptions(fail_at="run", fail_by="crash"),
        FakeOptions(fail_at="run", fail_by="hang"),
        FakeOptions(wrong=True),
        processes=2,
        rounds=2,
    )
    bar = Bar()
    results = measured(tmp_path, group, ImpatientOnce(hanging=3), bar=bar)
    assert [(r.status, r.reason_code) for r in results] == [
        ("ok", ""),
        ("failed", "error"),
        ("failed", "error"),
        ("failed", "crash_SIGABRT"),
        ("failed", "timeout"),
        ("invalid", "numerics"),
    ]
    assert [len(r.blocks) for r in results] == [4, 0, 0, 0, 0, 0]
    assert [r.build is not None for r in results] == [True, False, True, True, True, True]
    assert all(r.reason for r in results[1:])
    assert bar.done == sum(steps(planned, {}) for planned in group.members)


@pytest.mark.usefixtures("built_here")
def test_an_engine_that_outgrows_its_memory_costs_its_trial(tmp_path: Path) -> None:
    group = group_of(tmp_path, FakeOptions(), processes=1, rounds=1)
    limits = Limits(timeout_s=60, memory_bytes=2**20)
    (result,) = measured(tmp_path, group, launch_child, limits=limits)
    assert (result.status, result.reason_code) == ("failed", "oom_host")


@pytest.mark.usefixtures("built_here")
def test_what_a_child_takes_is_known(tmp_path: Path) -> None:
    (result,) = measured(
        tmp_path, group_of(tmp_path, FakeOptions(), processes=1, rounds=1), launch_child
    )
    assert result.memory is not None
    assert 2**20 < result.memory.before_bytes <= result.memory.peak_bytes < 2**30
    assert result.build is not None
    assert (result.build.achieved, result.build.size_bytes > 0) == ("fp32", True)


@pytest.mark.usefixtures("built_here")
def test_first_calls_are_those_of_each_process(tmp_path: Path) -> None:
    group = group_of(tmp_path, FakeOptions(first_cost=7), processes=3, rounds=2, block_s=0)
    spec = group.members[0].trial.spec
    sizes = [Size(32, 32), Size(64, 64)]
    specs = (
        spec,
        replace(spec, **many_sizes(sizes)),
        replace(spec, batch_range=BatchRange(1, 4)),
    )
    static, dynamic, batched = measured(tmp_path, with_spec(group, *specs), launch_in_process)
    for result, cost in ((static, 1.0), (dynamic, 1.1), (batched, 1.0)):
        call_ns = cost * (100_000 + 20 * 32 * 32)
        assert [ns for b in result.blocks for ns in b.latency_ns] == pytest.approx([call_ns] * 30)
        assert [first.process for first in result.first_calls] == [0, 1, 2]
        assert [first.open_ns for first in result.first_calls] == pytest.approx([7 * call_ns] * 3)
        assert {first.change_reason for first in result.first_calls} == {""}
    assert {first.change for first in static.first_calls} == {None}


@pytest.mark.usefixtures("built_here")
@pytest.mark.parametrize(
    ("keys", "batch_size", "size"),
    [
        (many_sizes([Size(32, 32), Size(64, 96)]), 1, Size(64, 96)),
        ({"batch_range": BatchRange(1, 4)}, 4, Size(32, 32)),
    ],
    ids=["size", "batch"],
)
def test_the_first_call_at_another_shape_stands_beside_later_ones_and_the_return(
    tmp_path: Path, keys: dict[str, Any], batch_size: int, size: Size
) -> None:
    options = FakeOptions(first_cost=7, dynamic_cost=1)
    group = group_of(tmp_path, options, processes=3, rounds=2, block_s=0, block_calls=4)
    spec = replace(group.members[0].trial.spec, **keys)
    (result,) = measured(tmp_path, with_spec(group, spec), launch_in_process)
    there_ns = 100_000 + 20 * size.pixels * batch_size
    assert len(result.first_calls) == 3
    for change in (first.change for first in result.first_calls):
        assert change is not None
        assert (change.batch_size, change.size) == (batch_size, size)
        assert change.first_ns == pytest.approx(7 * there_ns)
        assert change.later_ns == pytest.approx([there_ns] * 4)
        assert change.back_ns == pytest.approx(7 * (100_000 + 20 * 32 * 32))


@pytest.mark.usefixtures("built_here")
def test_an_engine_that_fails_at_another_size_keeps_its_figures(tmp_path: Path) -> None:
    options = FakeOptions(most_pixels=32 * 32)
    group = group_of(tmp_path, options, processes=2, rounds=2, block_s=0)
    spec = group.members[0].trial.spec
    sizes = [Size(32, 32), Size(64, 64)]
    (result,) = measured(
        tmp_path, with_spec(group, replace(spec, **many_sizes(sizes))), launch_child
    )
    assert (result.status, len(result.blocks)) == ("ok", 4)
    assert [first.change for first in result.first_calls] == [None] * 2
    reasons = [first.change_reason for first in result.first_calls]
    assert "failed at 64x64" in reasons[0]
    assert reasons[1:] == [""], "it is tried once"


@pytest.mark.usefixtures("built_here")
def test_the_parts_of_a_call_are_measured_beside_it(tmp_path: Path) -> None:
    group = group_of(
        tmp_path, FakeOptions(copies=0.2), FakeOptions(), processes=2, rounds=3, block_s=0
    )
    parted, whole = measured(tmp_path, group, launch_in_process)
    call_ns = 100_000 + 20 * 32 * 32
    shares = {"host-to-device": 0.2, "compute": 0.6, "device-to-host": 0.2}
    assert [(part.name, part.process) for part in parted.parts] == [
        (name, process) for process in (0, 1) for name in shares
    ]
    for part in parted.parts:
        assert part.latency_ns == pytest.approx([shares[part.name] * call_ns] * 15)
    assert whole.parts == ()


@pytest.mark.usefixtures("built_here")
def test_device_memory_is_what_the_driver_and_the_engine_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, 700])
    monkeypatch.setattr("bench.readings.device_bytes", lambda: next(answers))
    group = group_of(tmp_path, FakeOptions(), processes=1, rounds=1)
    needs = EngineMemory(weights_bytes=300, context_bytes=(20, 50))

    def obtain(planned: Planned) -> EngineArtifact:
        built = Builds(tmp_path / "engines", Limits(timeout_s=60)).obtain(planned)
        return replace(built, memory=needs)

    (result,) = measured(tmp_path, group, launch_in_process, obtain=obtain)
    assert result.memory is not None
    assert (result.memory.device_before_bytes, result.memory.device_bytes) == (0, 700)
    assert result.build is not None
    assert result.build.device_predicted_bytes == 350


@pytest.mark.usefixtures("built_here")
def test_every_round_has_a_block_of_each_engine_in_an_order_of_its_own(tmp_path: Path) -> None:
    def orders(seed: int) -> list[list[int]]:
        group = group_of(
            tmp_path, *[FakeOptions()] * 4, processes=3, rounds=5, seed=seed, block_s=0
        )
        found: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for engine, result in enumerate(measured(tmp_path, group, launch_in_process)):
            for block in result.blocks:
                key = (block.process, block.round)
                found.setdefault(key, []).append((block.started_ns, engine))
        started = [start for key in sorted(found) for start, _ in sorted(found[key])]
        assert started == sorted(started)
        return [[engine for _, engine in sorted(found[key])] for key in sorted(found)]

    rounds = orders(seed=1)
    assert len(rounds) == 15
    assert all(sorted(order) == [0, 1, 2, 3] for order in rounds)
    assert len(set(map(tuple, rounds))) > 5
    assert orders(seed=1) == rounds
    assert orders(seed=2) != rounds


def failing_after(calls: int) -> Launch:
    """Workers of which the second breaks in its ``calls``-th block."""
    started: list[InProcess] = []

    class Breaking(InProcess):
        blocks = 0

        def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
            self.blocks += method == "measure"
            if started.index(self) == 1 and self.blocks == calls:
                raise InferenceError("It broke", "it was told to", "Nothing.", reason_code="x")
            return super().call(method, arguments, timeout_s=timeout_s)

    def launch(limits: Limits) -> RemoteWorker:
        started.append(Breaking())
        return RemoteWorker(started[-1], timeout_s=limits.timeout_s)

    return launch


@pytest.mark.usefixtures("built_here")
def test_what_was_measured_before_a_failure_is_kept_with_it(tmp_path: Path) -> None:
    group = group_of(tmp_path, FakeOptions(), FakeOptions(), processes=2, rounds=4)
    whole, broken = measured(tmp_path, group, failing_after(3))
    assert (whole.status, len(whole.blocks)) == ("ok", 8)
    assert (broken.status, broken.reason_code, len(broken.blocks)) == ("failed", "x", 2)
