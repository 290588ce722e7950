"""What was measured of engines together stands in a plan; hopes are only for what to measure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reports.choice.planning.candidates import Offer
from reports.choice.planning.curves import curves_of
from reports.choice.planning.deciding import decide
from reports.choice.planning.demand import Demand
from reports.choice.planning.fitting import Fit
from reports.choice.planning.kinds import Figures
from reports.choice.planning.limits import PlanLimits
from reports.choice.planning.setting import Setting
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size
from sizewise.core.specs.plan import InputRule
from tests.reports.choice.planning.test_plans import BEFORE, groups, traffic

LEAST, BETWEEN, MOST = Size(128, 128), Size(224, 224), Size(320, 320)


def setting(**limits: object) -> Setting:
    known = PlanLimits(**{"max_memory_mib": 1000.0, **limits})  # type: ignore[arg-type]
    return Setting(
        demand=Demand.of(traffic(), InputRule(side_px=320, stride=32)),
        groups=groups(),
        curves=curves_of(()),
        limits=known,
    )


def test_a_plan_takes_what_its_places_took_and_others_are_scaled() -> None:
    first = decide(setting())
    assert first is not None
    twice = {
        (use.candidate.loads, place): 2 * use.candidate.serves[number].ms
        for number, use in enumerate(first.served)
        if (place := use.candidate.serves[number].input)
    }
    pace = first.pace(twice)
    assert pace == pytest.approx(2, rel=0.05)
    measured = replace(first.setting, place_ms=twice, pace=pace)
    same = first.under(measured)
    assert same.engines == first.engines
    assert same.prediction.mean_ms == pytest.approx(2 * first.prediction.mean_ms)
    again = decide(measured)  # all became slower alike: nothing else is better
    assert again is not None
    assert again.prediction.mean_ms == pytest.approx(same.prediction.mean_ms, rel=0.06)
    bounded = same.bounded(again.bound)
    assert bounded.bound <= bounded.objective_ms
    assert bounded.fits


def test_the_memory_of_a_bare_process_is_no_library() -> None:
    one, bare = setting(), replace(setting(), bare_mib=BEFORE - 20.0)
    assert one.process_mib + one.libraries["openvino"] == pytest.approx(BEFORE)
    assert bare.process_mib == pytest.approx(BEFORE - 20)
    assert bare.libraries["openvino"] == pytest.approx(20)
    gpu = replace(setting(), bare_mib=BEFORE + 500.0)  # where its memory is counted elsewhere
    assert gpu.process_mib == pytest.approx(BEFORE)


def test_hopes_are_below_what_a_model_says_and_bounds_above() -> None:
    odd = {Size(side, side): side * side / 1e4 for side in (128, 192, 256, 320, 384)}
    odd[Size(256, 256)] *= 1.5
    known = Figures.of(odd)
    between = BETWEEN
    assert known.at(between) is None
    hoped, most = known.hoped(between), known.at_most(between)
    assert hoped is not None
    assert most == odd[Size(256, 256)]
    assert hoped < 224 * 224 / 1e4 < most
    beyond = Size(640, 640)
    assert known.hoped(beyond) is None
    assert known.at_most(beyond) is None


def test_what_is_hopeless_is_not_hoped_for() -> None:
    group = replace(next(group for group in groups() if group.is_static))
    errs = Fit(parameters=(1.0, 0.0, 1e-4), error=0.5, least=LEAST.pixels, most=MOST.pixels)
    vars(group)["ms"] = Figures(measured={LEAST: 2.0, MOST: 11.0}, fit=errs)
    offer = Offer(demand=setting().demand, curves=curves_of(()))
    hopeful = replace(offer, hopeful=True)
    assert offer.ms_of(group, BETWEEN) is None
    assert hopeful.ms_of(group, BETWEEN) == pytest.approx(errs.at(BETWEEN) / 2)
    hopeless = replace(hopeful, hopeless=frozenset({group.engine_at(BETWEEN)}))
    assert hopeless.ms_of(group, BETWEEN) is None


def test_the_least_p99_goes_without_a_limit_on_latency() -> None:
    with pytest.raises(UsageError, match="can't both be given"):
        setting(objective="p99", max_latency_ms=5.0)


def test_the_stream_says_how_late_pictures_are() -> None:
    first = decide(setting())
    assert first is not None
    late = (1.0,) * 95 + (3.0,) * 5  # one picture in twenty comes after a change that costs much
    streamed = replace(first.setting, spread=late)
    same = first.under(streamed)
    slowest = max(
        first.problem.candidates[one].serves[n].ms for n, one in enumerate(first.solution.served)
    )
    assert same.prediction.p99_ms == pytest.approx(3 * slowest, rel=0.3)
    assert same.prediction.mean_ms == pytest.approx(first.prediction.mean_ms)
    limit = (first.prediction.p99_ms + same.prediction.p99_ms) / 2
    limited = replace(streamed, limits=replace(streamed.limits, max_latency_ms=limit))
    before = decide(replace(limited, spread=()))
    assert before is not None  # as its calls alone, it keeps to the limit
    assert not before.under(limited).fits


def test_changes_to_others_may_cost_as_little_as_those_that_were_measured() -> None:
    static = next(group for group in groups() if group.is_static)
    dynamic = next(group for group in groups() if not group.is_static)
    vars(dynamic)["switch_ms"] = 2.5
    offer = setting().offer
    assert offer.switch_ms_of(static, MOST) == 0
    assert offer.switch_ms_of(dynamic) == 2.5
    slow = replace(offer, switch_ms={dynamic.name: 3.5})
    assert slow.switch_ms_of(dynamic) == 3.5
    assert slow.switch_ms_of(static, MOST) == 0  # no static one ran
    ran = {static.engine_at(LEAST): 0.4, static.engine_at(BETWEEN): 0.2}
    streamed = replace(offer, switch_ms=ran)
    assert streamed.switch_ms_of(static, LEAST) == 0.4
    assert streamed.switch_ms_of(static, MOST) == 0.2
    assert streamed.switch_ms_of(dynamic) == 2.5
