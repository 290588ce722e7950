"""A group of engines, some of which fail: through real children, and in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.builds import Builds
from bench.planning.plan import Group, plan_sweep
from bench.planning.settings import SweepSettings
from bench.remote import RemoteWorker
from bench.timing import readings
from bench.waves.launch import WORKER, Launch, Limits, launch_child
from bench.waves.measured import Turned, Wave, placed
from bench.waves.member import PART_CALLS, LiveMember
from bench.waves.wave import Setup, Watch, WaveRun, steps
from engines.backends.fake import FakeOptions
from sizewise.core.children.child import Child
from sizewise.core.errors import InferenceError
from sizewise.core.specs import BatchRange, EngineSpec, Profile, Size, Sizes
from sizewise.core.trials import Reading, Round, Sample
from tests.bench.factories import InProcess, Quiet, launch_in_process
from tests.bench.models import colours


class Bar:
    """A stage that counts."""

    def __init__(self) -> None:
        self.done = 0
        self.notes: list[str] = []

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.done += steps
        self.notes.append(note)

    def extend(self, steps: int) -> None:
        del steps

    def limit(self, seconds: float) -> None:
        del seconds


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
        [colours(folder / "model.onnx")], settings, environment_fingerprint="here"
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
    number: int = 0,
    limits: Limits = Limits(timeout_s=60),  # noqa: B008 - it is frozen
    bar: Bar | None = None,
    watch: Watch | None = None,
    sizes: Sequence[Size] = (),
    pictures: Sequence[Path] = (),
) -> Wave:
    """One wave of the group, each engine of which is measured at ``sizes`` elsewhere."""
    builds = Builds(folder / "engines", Limits(timeout_s=60))
    setup = Setup(
        launch=launch,
        watch=watch or Quiet(),
        limits=limits,
        stage=bar or Bar(),
        pictures=lambda member: pictures,
    )
    members = [LiveMember(p, builds.obtain(p), sizes=sizes) for p in group.members]
    run = WaveRun(setup, group.protocol, group.size, members, number=number, rebuild=0)
    return run.measure(lambda member: builds.of(member.planned))


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
        FakeOptions(fail_at="open"),
        FakeOptions(fail_at="run", fail_by="crash"),
        FakeOptions(fail_at="run", fail_by="hang"),
        FakeOptions(wrong=True),
        rounds=2,
        block_s=0,
    )
    bar = Bar()
    wave = measured(tmp_path, group, ImpatientOnce(hanging=3), bar=bar)
    states = [member.state for member in wave.members]
    assert [(state.status, state.reason_code) for state in states] == [
        ("ok", ""),
        ("failed", "error"),
        ("failed", "crash_SIGABRT"),
        ("failed", "timeout"),
        ("invalid", "numerics"),
    ]
    assert [len(member.turns) for member in wave.members] == [2, 0, 0, 0, 0]
    assert all(len(member.builds) == 1 for member in wave.members)
    assert all(state.reason for state in states[1:])
    assert bar.done == steps(group.protocol)


@pytest.mark.usefixtures("built_here")
def test_an_engine_that_outgrows_its_memory_costs_its_trial(tmp_path: Path) -> None:
    group = group_of(tmp_path, FakeOptions(), rounds=1)
    limits = Limits(timeout_s=60, memory_bytes=2**20)
    (member,) = measured(tmp_path, group, launch_child, limits=limits).members
    assert (member.state.status, member.state.reason_code) == ("failed", "oom_host")


@pytest.mark.usefixtures("built_here")
def test_what_a_child_takes_is_known(tmp_path: Path) -> None:
    group = group_of(tmp_path, FakeOptions(), rounds=1)
    spec = group.members[0].trial.spec
    group = with_spec(group, replace(spec, **many_sizes([Size(32, 32), Size(64, 64)])))
    told = readings.peak_bytes() is not None
    for sizes in ((), (Size(32, 32), Size(64, 64))):
        (member,) = measured(tmp_path, group, launch_child, sizes=sizes).members
        (build,) = member.builds
        assert (build.achieved, build.size_bytes > 0) == ("fp32", True)
        memory = member.memory
        assert (memory is not None) is told
        if memory is None:
            continue
        assert 2**20 < memory.before_bytes <= memory.peak_bytes < 2**30
        assert memory.rest_bytes is not None
        if readings.reset_peak():
            assert memory.run_peak_bytes is not None
            assert memory.rest_bytes <= memory.run_peak_bytes < 2**30
        else:
            assert memory.run_peak_bytes is None
        assert (memory.walk_bytes is not None) is bool(sizes)


@pytest.mark.usefixtures("built_here")
def test_the_first_call_and_the_loading_are_timed_apart(tmp_path: Path) -> None:
    group = group_of(tmp_path, FakeOptions(first_cost=7), rounds=2, block_s=0)
    spec = group.members[0].trial.spec
    sizes = [Size(32, 32), Size(64, 64)]
    specs = (
        spec,
        replace(spec, **many_sizes(sizes)),
        replace(spec, batch_range=BatchRange(1, 4)),
    )
    found = measured(tmp_path, with_spec(group, *specs), launch_in_process).members
    for member, cost in zip(found, (1.0, 1.1, 1.0), strict=True):
        call_ns = cost * (100_000 + 20 * 32 * 32)
        latencies = [ns for turned in member.turns for ns in turned.sample.latency_ns]
        assert latencies == pytest.approx([call_ns] * 2 * 7)
        first = member.first_call
        assert first is not None
        assert first.open_ns == pytest.approx(7 * call_ns)
        assert (first.load_ns or 0) > 0
        assert first.change_reason == ""
    assert found[0].first_call is not None
    assert found[0].first_call.change is None


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
    group = group_of(tmp_path, options, rounds=2, block_s=0, block_calls=4)
    spec = replace(group.members[0].trial.spec, **keys)
    (member,) = measured(tmp_path, with_spec(group, spec), launch_in_process).members
    there_ns = 100_000 + 20 * size.pixels * batch_size
    assert member.first_call is not None
    change = member.first_call.change
    assert change is not None
    assert (change.batch_size, change.size) == (batch_size, size)
    assert change.first_ns == pytest.approx(7 * there_ns)
    assert change.later_ns == pytest.approx([there_ns] * 4)
    assert change.back_ns == pytest.approx(7 * (100_000 + 20 * 32 * 32))


@pytest.mark.usefixtures("built_here")
def test_an_engine_that_fails_at_another_size_keeps_its_figures(tmp_path: Path) -> None:
    options = FakeOptions(most_pixels=32 * 32)
    group = group_of(tmp_path, options, rounds=2, block_s=0)
    spec = group.members[0].trial.spec
    sizes = [Size(32, 32), Size(64, 64)]
    (member,) = measured(
        tmp_path, with_spec(group, replace(spec, **many_sizes(sizes))), launch_child
    ).members
    assert (member.state.status, len(member.turns)) == ("ok", 2)
    assert member.first_call is not None
    assert member.first_call.change is None
    assert "failed at 64x64" in member.first_call.change_reason


@pytest.mark.usefixtures("built_here")
def test_the_parts_of_a_call_are_measured_beside_it(tmp_path: Path) -> None:
    group = group_of(tmp_path, FakeOptions(copies=0.2), FakeOptions(), rounds=3, block_s=0)
    parted, whole = measured(tmp_path, group, launch_in_process).members
    call_ns = 100_000 + 20 * 32 * 32
    shares = {"host-to-device": 0.2, "compute": 0.6, "device-to-host": 0.2}
    assert [part.name for part in parted.parts] == list(shares)
    for part in parted.parts:
        assert part.latency_ns == pytest.approx([shares[part.name] * call_ns] * PART_CALLS)
    assert whole.parts == ()


@pytest.mark.usefixtures("built_here")
def test_device_memory_is_what_the_driver_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, 700])
    monkeypatch.setattr("bench.timing.readings.device_bytes", lambda: next(answers))
    group = group_of(tmp_path, FakeOptions(), rounds=1)
    (member,) = measured(tmp_path, group, launch_in_process).members
    assert member.memory is not None
    assert (member.memory.device_before_bytes, member.memory.device_bytes) == (0, 700)


@pytest.mark.usefixtures("built_here")
def test_every_round_has_a_turn_of_each_engine_in_an_order_of_its_own(tmp_path: Path) -> None:
    def orders(seed: int) -> list[list[int]]:
        group = group_of(tmp_path, *[FakeOptions()] * 4, rounds=5, seed=seed, block_s=0)
        found: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for number in range(3):
            wave = measured(tmp_path, group, launch_in_process, number=number)
            for engine, member in enumerate(wave.members):
                for turned in member.turns:
                    key = (number, turned.round)
                    found.setdefault(key, []).append((turned.sample.started_ns, engine))
        started = [start for key in sorted(found) for start, _ in sorted(found[key])]
        assert started == sorted(started)
        return [[engine for _, engine in sorted(found[key])] for key in sorted(found)]

    rounds = orders(seed=1)
    assert len(rounds) == 15
    assert all(sorted(order) == [0, 1, 2, 3] for order in rounds)
    assert len(set(map(tuple, rounds))) > 5
    assert orders(seed=1) == rounds
    assert orders(seed=2) != rounds


class Busy(Quiet):
    """The first ``disturbed`` attempts at a round are disturbed, as by another program."""

    def __init__(self, disturbed: int) -> None:
        self._left = disturbed

    def disturbances(self, reading: Reading, anchor: Sample | None) -> tuple[str, ...]:
        self._left -= 1
        return ("load",) if self._left >= 0 else ()


@pytest.mark.usefixtures("built_here")
@pytest.mark.parametrize(
    ("disturbed", "attempts"),
    [(0, [1, 1, 1, 1]), (2, [3, 1, 1, 1]), (100, [3, 1, 1, 1])],
    ids=["quiet", "for a while", "always"],
)
def test_a_disturbed_round_is_measured_again_while_that_may_help(
    tmp_path: Path, disturbed: int, attempts: list[int]
) -> None:
    group = group_of(tmp_path, FakeOptions(), rounds=4, block_s=0)
    wave = measured(tmp_path, group, launch_in_process, watch=Busy(disturbed))
    numbers = [one.number for one in wave.rounds]
    assert [numbers.count(number) for number in range(4)] == attempts
    assert [(one.round, one.attempt) for one in wave.members[0].turns] == [
        (one.number, one.attempt) for one in wave.rounds
    ]
    assert sum(bool(one.disturbed) for one in wave.rounds) == min(disturbed, len(numbers))


def failing_after(calls: int) -> Launch:
    """Workers of which the second breaks in its ``calls``-th turn."""
    started: list[InProcess] = []

    class Breaking(InProcess):
        turns = 0

        def call(self, method: str, arguments: dict[str, Any], *, timeout_s: float) -> Any:
            self.turns += method == "measure"
            if started.index(self) == 1 and self.turns == calls:
                raise InferenceError("It broke", "it was told to", "Nothing.", reason_code="x")
            return super().call(method, arguments, timeout_s=timeout_s)

    def launch(limits: Limits) -> RemoteWorker:
        started.append(Breaking())
        return RemoteWorker(started[-1], timeout_s=limits.timeout_s)

    return launch


@pytest.mark.usefixtures("built_here")
def test_a_process_that_fails_counts_for_nothing(tmp_path: Path) -> None:
    group = group_of(tmp_path, FakeOptions(), FakeOptions(), rounds=4, block_s=0)
    whole, broken = measured(tmp_path, group, failing_after(3)).members
    assert (whole.state.status, len(whole.turns)) == ("ok", 4)
    state = broken.state
    assert (state.status, state.reason_code, broken.turns) == ("failed", "x", ())


@pytest.mark.parametrize(("steal", "taken"), [(None, 0.25), (0.5, 0.75)])
def test_what_others_took_is_of_other_programs_and_of_the_hypervisor(
    steal: float | None, taken: float
) -> None:
    turned = Turned(round=0, attempt=0, sample=Sample(started_ns=0, latency_ns=(1,), cpu_ns=1))
    reading = Reading(load=0.25, steal=steal)
    within = Round(number=0, attempt=0, started_ns=0, ended_ns=1, reading=reading)
    assert placed(turned, within, wave=1, rebuild=0, session=1, anchor="").taken == taken
