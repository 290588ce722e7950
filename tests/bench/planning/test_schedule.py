"""Which waves are due, by what is on file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.planning.plan import Group, plan_sweep
from bench.planning.schedule import AGAIN, Due, Schedule
from bench.planning.settings import SweepSettings
from bench.waves.measured import State
from sizewise.core.options.declared import fill
from sizewise.core.specs import ExportedModel
from sizewise.core.stats import RIGORS, summarize
from sizewise.core.trials import Block, Result, Trial
from tests.bench.factories import waves
from tests.bench.models import colours


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    return colours(tmp_path_factory.mktemp("model") / "colours.onnx")


def planned(model: ExportedModel, **keys: Any) -> tuple[Group, ...]:
    fixed = {"backends": "fake", "strategies": "static", "sizes": "32", "threads": 1}
    settings = fill(SweepSettings, fixed | {"replicas": 3, "rigor": "quick"} | keys)
    return plan_sweep([model], settings, environment_fingerprint="here")


def trials(group: Group) -> list[Trial]:
    return [member.trial for member in group.members]


def noise(count: int, sd: float, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Latencies around 10 ms [waves, rounds, calls]; each wave has luck of its own."""
    luck = np.random.default_rng(seed).normal(0, sd, (count, 1, 1))
    return np.asarray(10e6 * np.exp(luck) * np.ones((count, 2, 3)))


def measure(schedule: Schedule, some: Sequence[Trial], count: int, sd: float = 0.0) -> None:
    """Take ``count`` waves of ``some`` trials, each with noise of its own."""
    for place, one in enumerate(some):
        for number, wave in enumerate(waves(noise(count, sd, seed=place), one)):
            schedule.take(wave, number + 1, session=1)


def disturb(schedule: Schedule, group: Group, first: int, loud: Sequence[bool]) -> None:
    """Take a wave of the whole group for each of ``loud``, which says whether all its rounds were
    disturbed; the first has the number ``first``."""
    for number, wave in enumerate(waves(noise(len(loud), 0.1, seed=first), *trials(group))):
        disturbed = ("load",) if loud[number] else ()
        rounds = tuple(replace(one, disturbed=disturbed) for one in wave.rounds)
        schedule.take(replace(wave, rounds=rounds), first + number, session=1)


def due(schedule: Schedule) -> Mapping[str, tuple[int, set[str]]]:
    """The number and the trials of the wave that is due, by size."""
    return {str(one.group.size): (one.number, _identities(one)) for one in schedule.due()}


def _identities(one: Due) -> set[str]:
    return {member.trial.identity for member in one.members}


def test_at_first_a_wave_of_every_engine_at_every_size_is_due(model: ExportedModel) -> None:
    groups = planned(model, sizes="32,64")
    found = due(Schedule(groups, {}))
    assert found == {str(g.size): (0, {t.identity for t in trials(g)}) for g in groups}


def test_so_many_processes_as_were_asked_for_are_measured(model: ExportedModel) -> None:
    groups = planned(model, processes=3)
    schedule = Schedule(groups, {})
    measure(schedule, trials(groups[0]), 2, sd=0.2)
    assert [number for number, _ in due(schedule).values()] == [2]
    measure(schedule, trials(groups[0]), 3, sd=0.2)
    assert due(schedule) == {}


@pytest.mark.parametrize(("sd", "over"), [(0.005, True), (0.5, False)], ids=["quiet", "noisy"])
def test_waves_end_where_ratios_are_narrow_or_there_are_enough(
    model: ExportedModel, sd: float, over: bool
) -> None:
    groups, rigor = planned(model), RIGORS["quick"]
    schedule = Schedule(groups, {})
    measure(schedule, trials(groups[0]), rigor.min_waves - 1, sd)
    assert due(schedule), "never before the least number"
    schedule = Schedule(groups, {})
    measure(schedule, trials(groups[0]), rigor.min_waves, sd)
    assert (due(schedule) == {}) is over
    schedule = Schedule(groups, {})
    measure(schedule, trials(groups[0]), rigor.max_waves, sd)
    assert due(schedule) == {}


def test_more_rigor_goes_on_with_what_is_on_file(model: ExportedModel) -> None:
    groups = planned(model)
    schedule = Schedule(groups, {})
    measure(schedule, trials(groups[0]), 8, sd=0.02)
    assert due(schedule) == {}
    stricter = planned(model, rigor="paper")
    assert trials(stricter[0]) == trials(groups[0])
    onwards = Schedule(stricter, {t.identity: schedule.result(t) for t in trials(groups[0])})
    assert [number for number, _ in due(onwards).values()] == [8]


def test_a_new_engine_is_measured_beside_the_fastest_that_is_known(model: ExportedModel) -> None:
    groups = planned(model)
    slow, fast, new = trials(groups[0])
    schedule = Schedule(groups, {})
    measure(schedule, [slow], 8, sd=0.001)
    for number, wave in enumerate(waves(noise(8, 0.001) / 2, fast)):
        schedule.take(wave, number + 1, session=1)
    assert due(schedule) == {"32x32": (8, {fast.identity, new.identity})}


@pytest.mark.parametrize("code", ["timeout", "unsupported_backend", "unsupported_source"])
def test_what_failed_before_is_tried_again_and_what_fails_now_is_not(
    model: ExportedModel, code: str
) -> None:
    (group,) = planned(model, replicas=1)
    (trial,) = trials(group)
    status: Any = "failed" if code == "timeout" else "unsupported"
    state = State(status=status, reason_code=code, reason="It did.")
    failed = Result(trial=trial, status=status, reason_code=code, reason="It did.")
    schedule = Schedule((group,), {trial.identity: failed})
    assert due(schedule)
    schedule.note(trial, state)
    assert due(schedule) == {}


@pytest.mark.parametrize(
    ("status", "code"), [("invalid", "numerics"), ("unsupported", "unsupported_size")]
)
def test_what_can_never_be_measured_is_not_tried_again(
    model: ExportedModel, status: Any, code: str
) -> None:
    (group,) = planned(model, replicas=1)
    (trial,) = trials(group)
    known = Result(trial=trial, status=status, reason_code=code, reason="It can't.")
    assert due(Schedule((group,), {trial.identity: known})) == {}


def test_rebuilds_take_turns_in_a_paper(model: ExportedModel) -> None:
    groups = planned(model, rigor="paper", replicas=1)
    schedule = Schedule(groups, {})
    rebuilds = []
    for number in range(6):
        (one,) = schedule.due()
        rebuilds.append(one.rebuild)
        (wave,) = waves(noise(1, 0.1, seed=number), *trials(groups[0]))
        schedule.take(replace(wave, rebuild=one.rebuild), number + 1, session=1)
    assert rebuilds == [0, 1, 2, 0, 1, 2]


def on_file(schedule: Schedule, group: Group) -> Mapping[str, Result]:
    return {trial.identity: schedule.result(trial) for trial in trials(group)}


def step(schedule: Schedule) -> list[tuple[int, int, set[str]]]:
    return [(one.number, one.rebuild, _identities(one)) for one in schedule.due()]


def test_samples_that_are_read_when_they_are_needed_lead_to_the_same_waves(
    model: ExportedModel,
) -> None:
    (group,) = planned(model, rigor="paper")
    keeping, reads = Schedule((group,), {}), 0

    def blocks(identities: Sequence[str]) -> Mapping[str, Sequence[Block]]:
        nonlocal reads
        reads += 1
        known = on_file(keeping, group)
        return {identity: known[identity].blocks for identity in identities}

    reading = Schedule((group,), {}, blocks=blocks)
    for number in range(1, 100):
        due = step(keeping)
        assert step(reading) == due
        if not due:
            break
        each = [
            waves(noise(1, 0.004, seed=10 * number + place), one)[0]
            for place, one in enumerate(trials(group))
        ]
        members = tuple(wave.members[0] for wave in each)
        wave = replace(each[0], members=members, rebuild=due[0][1])
        for one in (keeping, reading):
            one.take(wave, number, session=1)
        before = reads
        onwards = Schedule((group,), on_file(keeping, group), blocks=blocks)
        assert step(onwards) == step(Schedule((group,), on_file(keeping, group)))
        assert reads == before, "what is at hand is not read again"
    assert 8 < number < 48
    assert 0 < reads <= number
    assert all(not one.blocks for one in on_file(reading, group).values())


def test_a_narrow_run_is_rebuilt_where_a_paper_is_asked_for(model: ExportedModel) -> None:
    (group,) = planned(model, rigor="standard")
    schedule = Schedule((group,), {})
    measure(schedule, trials(group), 8, sd=0.0001)
    assert due(schedule) == {}
    (paper,) = planned(model, rigor="paper")
    (onwards,) = Schedule((paper,), on_file(schedule, group)).due()
    assert onwards.rebuild == 1


def test_a_row_that_was_disturbed_is_measured_again_in_the_next_run_until_it_is_mended(
    model: ExportedModel,
) -> None:
    (group,) = planned(model, processes=3)
    schedule = Schedule((group,), {})
    disturb(schedule, group, 1, [False, True, True])
    assert due(schedule) == {}, "not again and again in one run"
    assert schedule.again == 0
    again = Schedule((group,), on_file(schedule, group))
    assert [number for number, _ in due(again).values()] == [3]
    assert again.again == 3
    (wave,) = again.due()
    assert again.to_come(wave) == (2, 3)
    disturb(again, group, 4, [False, False])
    assert due(again) == {}
    found = [summarize(again.result(trial)) for trial in trials(group)]
    assert [(one.disturbed, one.left_out) for one in found] == [(False, 2)] * 3


@pytest.mark.parametrize("loud", [[True] * 7, [True, False] * 3 + [True]])
def test_a_run_that_was_cut_goes_on_whatever_disturbed_its_waves(
    model: ExportedModel, loud: list[bool]
) -> None:
    """Killed or out of time after seven of eight waves, one is left."""
    (group,) = planned(model, rigor="quick")
    schedule = Schedule((group,), {})
    disturb(schedule, group, 1, loud)
    onwards = Schedule((group,), on_file(schedule, group))
    (wave,) = onwards.due()
    assert wave.number == 7
    assert onwards.to_come(wave)[0] == 1


def test_a_disturbed_row_is_measured_again_three_times_at_most(model: ExportedModel) -> None:
    """However often the sweep is started on a machine that is never quiet."""
    (group,) = planned(model, processes=3)
    schedule = Schedule((group,), {})
    taken = 0
    for run in range(AGAIN + 3):
        while due(schedule):
            taken += 1
            disturb(schedule, group, taken, [True])
        assert taken == 3 * (1 + min(run, AGAIN))
        schedule = Schedule((group,), on_file(schedule, group))
    assert due(schedule) == {}


def test_a_row_of_which_enough_waves_were_left_alone_is_not_measured_again(
    model: ExportedModel,
) -> None:
    (group,) = planned(model, processes=6)
    schedule = Schedule((group,), {})
    disturb(schedule, group, 1, [True, False] * 3)
    assert due(Schedule((group,), on_file(schedule, group))) == {}


def test_the_ceiling_is_each_engines_own(model: ExportedModel) -> None:
    (group,), most = planned(model, rigor="quick"), RIGORS["quick"].max_waves
    old = trials(group)[0]
    schedule = Schedule((group,), {})
    measure(schedule, [old], most, sd=0.5)
    measure(schedule, trials(group)[1:], 8, sd=0.5)
    (wave,) = schedule.due()
    assert [one.trial for one in wave.wanted] == trials(group)[1:]
    assert wave.companion is not None
    assert wave.companion.trial == old
    measure(schedule, trials(group)[1:], most, sd=0.5)
    assert due(schedule) == {}
