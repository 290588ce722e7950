"""Sets that ran are judged by what they took by turns, and several engines beside the best one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from reports.choice.planning.assembling import inputs_by_engine
from reports.choice.planning.decided import Decided
from reports.choice.planning.deciding import decide
from sizewise.core.specs.plan import Place, Prediction
from sizewise.pipeline.records.planning import contest
from sizewise.pipeline.records.planning.streaming import Alone, Replayed
from tests.sizewise.pipeline.records.test_keeping import of_two


def first() -> Decided:
    found = decide(of_two(0, max_loss_points=1.0))
    assert found is not None
    assert len(found.engines) > 1
    return found


def running(factor: Callable[[Decided, int], float]) -> tuple[contest.Run, list[int]]:
    """Each place takes ``factor`` times what is expected of it, by the set and the number of runs
    before; and how many sets each run has."""
    runs: list[int] = []

    def run(sets: Sequence[Decided], processes: int) -> Sequence[Replayed]:
        del processes
        runs.append(len(sets))
        return [_ran(one, factor(one, len(runs) - 1)) for one in sets]

    return run, runs


def _ran(decided: Decided, factor: float) -> Replayed:
    places = {
        (use.candidate.loads, serving.input): use.group.ms.at(serving.input)
        for number, use in enumerate(decided.served)
        if (serving := use.candidate.serves[number]).input is not None
    }
    figures = Prediction(
        mean_ms=1.0, p50_ms=1.0, p99_ms=1.0, memory_mib=decided.prediction.memory_mib
    )
    return Replayed(
        pictures=1,
        expected=figures,
        measured=figures,
        switch_ms=dict.fromkeys(decided.engines, 0.0),
        alone=tuple(
            Alone(place=Place(engine=engine, input=size), ms=factor * ms)
            for (engine, size), ms in places.items()
            if size is not None and ms is not None
        ),
        spread=(1.0,),
    )


def chosen(run: contest.Run, start: Decided) -> Decided:
    return contest_of(run).best(start).decided


def contest_of(run: contest.Run) -> contest.Contest:
    return contest.Contest(run=run, fits=lambda one: one.fits, traffic="x")


def test_what_takes_what_was_expected_stays() -> None:
    start = first()
    run, _ = running(lambda _, __: 1.0)
    found = chosen(run, start)
    assert inputs_by_engine(found) == inputs_by_engine(start)
    assert found.objective_ms == pytest.approx(start.objective_ms)
    assert found.bound == pytest.approx(start.bound)


def test_several_engines_that_slow_each_other_lose_to_one() -> None:
    start = first()
    run, _ = running(lambda one, _: 1.0 if len(one.engines) == 1 else 4.0)
    found = chosen(run, start)
    assert len(found.engines) == 1
    assert found.objective_ms < 4 * start.objective_ms


def test_a_set_that_ran_in_a_good_minute_is_judged_by_the_turns() -> None:
    """The first look is half as long as it should be: what is expected in the end is what the turns
    gave."""
    start = first()
    run, _ = running(lambda _, runs: 0.5 if runs == 0 else 1.0)
    looked = contest_of(run).looked(start)
    assert looked[0].objective_ms == pytest.approx(start.objective_ms / 2)
    found = chosen(run, start)
    assert found.objective_ms == pytest.approx(start.objective_ms)


@pytest.mark.parametrize(("pace", "counts"), [(1.0, [2, 3]), (1.6, [3])])
def test_a_set_far_behind_does_not_run_again(pace: float, counts: list[int]) -> None:
    start = first()
    of_two_engines = decide(
        replace(start.setting, limits=replace(start.setting.limits, max_engines=2))
    )
    assert of_two_engines is not None
    other = of_two_engines.under(replace(start.setting, pace=pace))
    found = contest.near([other, start, start])
    assert [len(one.engines) for one in found] == counts


def test_the_best_single_engine_is_as_accurate_as_is_wanted() -> None:
    start = first()
    single = contest.best_single(start.setting)
    assert single is not None
    assert len(single.engines) == 1
    assert single.fits
    assert contest.is_among(single, [start, single])
    assert not contest.is_among(single, [start])
