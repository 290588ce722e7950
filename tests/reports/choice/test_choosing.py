"""The choice under a budget, against a search of all engines over plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.choice.budget import Budget
from reports.choice.choosing import NEAR, choose
from reports.choice.telling import told
from reports.load import Records, select_records
from sizewise.core.specs import Size
from sizewise.core.trials import Memory, Result
from tests.reports.conftest import SIZES, Lab
from tests.reports.scripted import steady

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICK = Lab(processes=3, rounds=2)
BACKENDS = ("onnxruntime", "openvino", "torch_eager")
MIB = 2**20
TOLERANCE = 0.005
"""Half a point: engines that lose no more are as accurate."""


@dataclass(frozen=True)
class Engine:
    """Plain numbers of one engine at one size; whole, so that no rounding decides."""

    ms: int
    mib: int
    ap: float


def result(lab: Lab, place: int, engine: Engine) -> Result:
    backend, size = BACKENDS[place % 3], SIZES[place // 3]
    made = steady(lab.ok(lab.trial(backend, size=size), ap=engine.ap), engine.ms)
    peak = engine.mib * MIB
    return replace(made, memory=(Memory(peak_bytes=peak, before_bytes=MIB),) * lab.processes)


def read(lab: Lab, engines: Sequence[Engine]) -> Records:
    return select_records([lab.run(result(lab, n, e) for n, e in enumerate(engines))], "x")


engines = st.lists(
    st.builds(
        Engine,
        ms=st.integers(1, 12),
        mib=st.integers(100, 110),
        ap=st.integers(1, 40).map(lambda number: number / 400),
    ),
    min_size=1,
    max_size=12,
)
budgets = st.builds(
    Budget,
    max_latency_ms=st.none() | st.integers(1, 13).map(float),
    max_memory_mib=st.none() | st.integers(99, 111).map(float),
    max_loss_points=st.none() | st.integers(0, 10).map(float),
)


def searched(engines: Sequence[Engine], budget: Budget) -> list[Engine]:
    """All that might be chosen: more than one where they are equally fast."""
    peak = max(engine.ap for engine in engines)
    fitting = [
        engine
        for engine in engines
        if (budget.max_latency_ms is None or engine.ms <= budget.max_latency_ms)
        and (budget.max_memory_mib is None or engine.mib <= budget.max_memory_mib)
        and (
            budget.max_loss_points is None
            or round(100 * (peak - engine.ap), 6) <= budget.max_loss_points
        )
    ]
    if fitting and budget.max_loss_points is None:
        best = max(engine.ap for engine in fitting)
        fitting = [engine for engine in fitting if round(best - engine.ap, 6) <= TOLERANCE]
    quickest = min((engine.ms for engine in fitting), default=0)
    return [engine for engine in fitting if engine.ms == quickest]


def agrees(found: Sequence[Engine], budget: Budget) -> None:
    (choice,) = choose(read(QUICK, found), budget)
    wanted = searched(found, budget)
    if not wanted:
        assert choice.chosen is None
        return
    assert choice.chosen is not None
    place = [row.result for row in choice.among].index(choice.chosen.result)
    row = choice.among[place]
    chosen = Engine(round(row.latency_ms), round(row.peak_mib), round(row.ap, 6))
    assert chosen in [Engine(e.ms, e.mib, round(e.ap, 6)) for e in wanted]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(engines, budgets)
def test_the_choice_is_that_of_a_search(found: list[Engine], budget: Budget) -> None:
    agrees(found, budget)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(engines, budgets)
def test_the_choice_is_that_of_a_search_a_thousand_times(
    found: list[Engine], budget: Budget
) -> None:
    agrees(found, budget)


FAST = Engine(ms=5, mib=100, ap=0.50)
GOOD = Engine(ms=8, mib=200, ap=0.52)
HEAVY = Engine(ms=9, mib=400, ap=0.56)


def test_what_just_misses_the_budget_is_named_with_its_excess() -> None:
    (choice,) = choose(read(QUICK, [FAST, GOOD, HEAVY]), Budget(max_latency_ms=8.5))
    assert choice.chosen is not None
    assert choice.chosen.ap == 0.52
    ((row, miss),) = choice.near
    assert row.ap == 0.56
    assert miss.share == pytest.approx(0.5 / 8.5)
    assert miss.share < NEAR
    assert str(miss) == "latency 9.00 ms, 0.500 ms over"
    assert choice.left_out == {"latency": 1}


def test_nothing_fits_is_said_with_the_limits() -> None:
    budget = Budget(max_latency_ms=1.0, max_memory_mib=50.0)
    records = read(QUICK, [FAST, GOOD])
    (choice,) = choose(records, budget)
    assert choice.chosen is None
    first, *_ = told(choice, budget, records)
    assert first == "Nothing fits: median latency 1.0 ms and memory 50.0 MiB."


def test_a_percentile_that_was_not_measured_fits_nothing_and_is_said() -> None:
    budget = Budget(max_latency_ms=8.0, percentile="p99")
    records = read(QUICK, [FAST, GOOD])
    (choice,) = choose(records, budget)
    assert choice.chosen is None
    assert choice.left_out == {"p99": 2}
    assert any(
        "p99 was not measured for 2 of 2 engines" in sentence and "--rigor standard" in sentence
        for sentence in told(choice, budget, records)
    )


def test_engines_that_are_not_shown_to_be_slower_are_named() -> None:
    twin = replace(FAST, mib=101)
    records = read(Lab(), [FAST, twin, GOOD])
    (choice,) = choose(records, Budget(max_loss_points=5.0))
    assert [verdict for _, verdict in choice.rivals] == ["SAME"]


def test_without_accuracy_there_is_a_choice_for_each_size(lab: Lab) -> None:
    results = [
        replace(result, accuracy=None)
        for result in lab.sweep(sizes=[Size(128, 128), Size(192, 192)])
    ]
    records = select_records([lab.run(results)], "x")
    choices = choose(records, Budget())
    assert [choice.among[0].text("size") for choice in choices] == ["128×128", "192×192"]
    assert all(choice.chosen and choice.chosen.backend == "openvino" for choice in choices)
    assert all(math.isnan(loss) for choice in choices for loss in choice.losses.values())
    limited = choose(records, Budget(max_loss_points=1.0))
    assert all(choice.chosen is None for choice in limited)
    assert "Accuracy was not measured" in " ".join(
        told(limited[0], Budget(max_loss_points=1.0), records)
    )


def test_only_engines_of_one_batch_compete(lab: Lab) -> None:
    results = [lab.ok(lab.trial(batch_size=size)) for size in (1, 4)]
    records = select_records([lab.run(results)], "x")
    for wanted, batch in ((None, 1), (4, 4)):
        (choice,) = choose(records, Budget(batch=wanted))
        assert [row.batch_size for row in choice.among] == [batch]
    assert choose(records, Budget(batch=2)) == ()


def test_an_engine_that_finds_nothing_is_never_chosen(lab: Lab) -> None:
    results = [lab.ok(lab.trial("openvino"), ap=0.0), lab.ok(lab.trial("torch_eager"), ap=0.3)]
    (choice,) = choose(select_records([lab.run(results)], "x"), Budget(max_loss_points=100.0))
    assert choice.chosen is not None
    assert choice.chosen.backend == "torch_eager"
