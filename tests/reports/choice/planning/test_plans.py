"""A plan keeps to its limits, and no baseline that does as well is faster."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.choice.planning import deciding
from reports.choice.planning.assembling import Built, assembled
from reports.choice.planning.baselines import baselines, by_engines, more
from reports.choice.planning.curves import curves_of
from reports.choice.planning.decided import Decided, least_p99, predicted
from reports.choice.planning.deciding import decide, decide_or_prove
from reports.choice.planning.demand import Demand, scale
from reports.choice.planning.kinds import Group, groups_of
from reports.choice.planning.limits import PlanLimits
from reports.choice.planning.optimum.problem import Problem
from reports.choice.planning.optimum.solving import Outcome, outcome
from reports.choice.planning.setting import Setting
from reports.choice.planning.telling import told
from reports.load import select_records
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size
from sizewise.core.specs.plan import InputRule, Plan, PlannedModel
from sizewise.core.specs.traffic import Traffic
from sizewise.core.trials import Memory
from tests.reports.conftest import SIZES, Lab
from tests.reports.scripted import steady
from tests.sizewise.core.planned import MEASURED

MIB = 2**20
BEFORE = 60
MEMORY = {128: 30, 192: 40, 256: 55, 320: 75}
"""Of a static engine, in MiB beside its process."""


def measured(lab: Lab) -> tuple[Group, ...]:
    """Static engines that take 1 ms for 10,000 pixels, and a dynamic one that takes 1.2 ms."""
    results = []
    for size in SIZES:
        for strategy, slow, memory in (
            ("static", 1.0, MEMORY[size.height]),
            ("dynamic", 1.2, 100),
        ):
            trial = lab.trial("openvino", strategy, size)  # type: ignore[arg-type]
            made = steady(lab.ok(trial), slow * size.pixels / 10_000)
            held = Memory(
                peak_bytes=(BEFORE + memory) * MIB,
                before_bytes=BEFORE * MIB,
                rest_bytes=(BEFORE + memory) * MIB,
            )
            results.append(replace(made, memory=(held,) * lab.processes))
    return groups_of(select_records([lab.run(results)], "x").rows)


@cache
def groups() -> tuple[Group, ...]:
    return measured(Lab(processes=3, rounds=2))


def traffic(seed: int = 0, count: int = 200) -> Traffic:
    rng = np.random.default_rng(seed)
    sizes = [Size(128, 128), Size(192, 128), Size(240, 320), Size(640, 480), Size(300, 300)]
    drawn = rng.choice(len(sizes), count, p=rng.dirichlet(np.ones(len(sizes))))
    return Traffic.of((sizes[one] for one in drawn), name="made", made="Drawn at random.")


def setting(came: Traffic, **limits: object) -> Setting:
    given_ = {"max_memory_mib": 400.0, "max_loss_points": 0.0} | limits
    return Setting(
        demand=Demand.of(came, InputRule(side_px=320, stride=64)),
        groups=groups(),
        curves=curves_of(groups()),
        limits=PlanLimits(**given_),  # type: ignore[arg-type]
    )


def sound(decided: Decided) -> None:
    """It keeps to its limits, and is not slower than what else keeps to them."""
    problem, found = decided.problem, decided.prediction
    assert problem.fits(decided.solution.served)
    assert decided.bound <= found.mean_ms * (1 + 1e-6)
    most = problem.max_engines or len(problem.engines)
    others = (*baselines(decided), *by_engines(decided)[:most])
    for one in others:
        if not one.why_not and one.mean_ms is not None:
            assert found.mean_ms <= one.mean_ms * (1 + 2e-4), one
    for one in more(decided):
        assert one.mean_ms is not None
        assert one.mean_ms <= found.mean_ms * (1 + 2e-4)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99), memory=st.integers(60, 330), loss=st.sampled_from((0.0, 1.0, 20.0)))
def test_it_keeps_to_its_limits_and_beats_what_does(seed: int, memory: int, loss: float) -> None:
    limits = {"max_memory_mib": float(memory), "max_engines": 3, "max_loss_points": loss}
    decided = decide(setting(traffic(seed), **limits))
    if decided is not None:
        sound(decided)
    else:  # an engine at the largest size does without any loss
        assert memory < BEFORE + MEMORY[320]


def test_where_nothing_may_shrink_each_size_is_held() -> None:
    decided = decide(setting(traffic()))
    assert decided is not None
    for number, size in enumerate(decided.setting.demand.sizes):
        place = decided.served[number].candidate.serves[number].input
        assert place is not None
        assert place.height >= size.height
        assert place.width >= size.width


def test_a_size_that_was_not_measured_is_modelled() -> None:
    """The made engines follow the model, and 192x128 was not measured."""
    came = Traffic.of([Size(192, 128)] * 3, name="x", made="x")
    decided = decide(setting(came))
    assert decided is not None
    (use,) = decided.served
    assert not use.measured
    assert use.bucket == Size(192, 128)
    assert decided.prediction.mean_ms == pytest.approx(192 * 128 / 10_000, rel=0.02)
    # Its memory is that of the next larger engine that was measured.
    assert decided.prediction.memory_mib == pytest.approx(BEFORE + MEMORY[192], abs=0.1)


def test_the_least_p99_is_not_above_that_of_the_least_mean() -> None:
    limits = {"max_memory_mib": 170.0, "max_loss_points": 5.0}
    mean = decide(setting(traffic(3), **limits))
    p99 = decide(setting(traffic(3), objective="p99", **limits))
    assert mean is not None
    assert p99 is not None
    assert p99.prediction.p99_ms <= mean.prediction.p99_ms + 1e-9
    assert p99.prediction.mean_ms >= mean.prediction.mean_ms * (1 - 2e-4)
    assert p99.bound <= p99.prediction.p99_ms
    assert p99.gap < 2e-3


@given(st.lists(st.tuples(st.integers(1, 640), st.integers(1, 640)), min_size=1, max_size=9))
def test_all_sizes_are_scaled_as_each_is(pairs: list[tuple[int, int]]) -> None:
    came = Traffic.of((Size(*pair) for pair in pairs), name="x", made="x")
    demand = Demand.of(came, InputRule(side_px=320, stride=32))
    places = [demand.sizes[-1], Size(96, 160), demand.largest]
    for place in places:
        kept = demand.kept(np.array([place.height]), np.array([place.width]))
        assert list(kept) == [scale(size, place) for size in demand.sizes]


def test_no_single_engine_has_a_p99_below_the_bound() -> None:
    came = setting(traffic(3), objective="p99", max_memory_mib=170.0, max_loss_points=5.0)
    best = decide(came)
    assert best is not None
    uses = came.uses(None)
    problem, sizes = came.problem(uses, None), range(len(came.demand.sizes))
    serving = [n for n, use in enumerate(uses) if set(sizes) <= set(use.candidate.serves)]
    fitting = [served for n in serving if problem.fits(served := (n,) * len(sizes))]
    assert fitting
    for served in fitting:
        assert best.bound <= predicted(came, uses, problem, served).p99_ms * (1 + 1e-9)
    assert 0 < least_p99(came) <= best.bound


@pytest.mark.parametrize("objective", ["mean", "p99"])
def test_impossible_is_what_is_proven(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    came = setting(traffic(3), objective=objective, max_memory_mib=1.0)
    assert decide_or_prove(came) == (None, True)
    monkeypatch.setattr(deciding, "outcome", lambda *_, **__: Outcome(solution=None))
    assert decide_or_prove(came) == (None, False)


def test_the_first_step_of_p99_has_all_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    had = list[float]()

    def late(problem: Problem, *, seconds: float, **options: Any) -> Outcome:
        had.append(seconds)
        return outcome(problem, **options) if len(had) > 1 else Outcome(solution=None)

    monkeypatch.setattr(deciding, "outcome", late)
    came = setting(traffic(3), objective="p99", max_memory_mib=170.0)
    assert decide(came, seconds=8, clock=lambda: 0.0) is not None
    assert had[:3] == pytest.approx([6, 8, 3])


def test_a_limit_on_latency_holds_for_its_share() -> None:
    came = Traffic.of([Size(320, 320)] * 2 + [Size(128, 128)] * 98, name="x", made="x")
    free = decide(setting(came, max_latency_ms=5.0, percentile="p90"))
    assert free is not None  # 2 % of the pictures may take 10 ms
    tight = setting(came, max_latency_ms=5.0, percentile="p99")
    assert decide(tight) is None


def test_memory_of_several_engines_corrects_their_sum() -> None:
    one = setting(traffic())
    decided = decide(one)
    assert decided is not None
    assert len(decided.engines) > 1
    real = decided.prediction.memory_mib - 10
    again = decide(replace(one, together=decided.together(real)))
    assert again is not None
    assert again.prediction.memory_mib == pytest.approx(real, abs=0.01)
    assert again.together(real).shared_mib == pytest.approx(again.setting.together.shared_mib)


def test_changes_cost_what_was_measured() -> None:
    one = setting(traffic())
    free = decide(one)
    assert free is not None
    costly = dict.fromkeys((use.candidate.loads for use in free.uses), 100.0)
    dear = decide(replace(one, switch_ms=costly))
    assert dear is not None
    places = {use.candidate.serves[n].input for n, use in enumerate(dear.served)}
    assert len(places) == 1  # nothing changes any more


def plan_of(decided: Decided, came: Traffic) -> Plan:
    models = {
        "a" * 64: PlannedModel(
            sha256="a" * 64, path="m.onnx", network="n", task="detection", precision="fp32"
        )
    }
    built = {name: Built(artifact=f"engines/{name}", sha256="b") for name in decided.engines}
    return assembled(decided, came, models, built, "here")


def test_a_plan_has_the_engines_and_a_place_for_each_size() -> None:
    came = traffic()
    decided = decide(setting(came, max_engines=2))
    assert decided is not None
    plan = plan_of(decided, came)
    assert {route.picture for route in plan.routes} == set(came.stream)
    assert {engine.name for engine in plan.engines} == set(decided.engines)
    mean = sum(route.share * route.ms for route in plan.routes)
    assert mean == pytest.approx(plan.predicted.mean_ms)
    assert plan.predicted.accuracy is not None
    said = told(plan)
    assert said[0].startswith(f"Load {len(plan.engines)} engine")
    assert any(line.startswith("Against one dynamic engine: ") for line in said)
    assert any(line.startswith("One more engine ") for line in said)
    assert not any(line.startswith("Measured on") for line in said)
    rated = told(replace(plan, measured=MEASURED))
    assert rated[1].startswith("Measured on 7 images of made val, each at the place of its own")
    assert rated[1].endswith("AP 0.500, where 0.625 was expected.")
    assert rated[2].startswith("Of the pictures that come, 75.0 % have a size")
    all_of_them = replace(MEASURED, covered=1.0)
    assert told(replace(plan, measured=all_of_them)) == (rated[0], rated[1], *said[1:])


def test_two_limits_on_accuracy_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="both limit the accuracy"):
        PlanLimits(max_memory_mib=1.0, min_ap=0.5, max_loss_points=1.0)
