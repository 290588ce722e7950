"""The plan is that of a search through all of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.choice.planning.optimum.branching import Assigned, Branching
from reports.choice.planning.optimum.problem import Candidate, Problem, Serving
from reports.choice.planning.optimum.relaxing import Fixed, Relaxation
from reports.choice.planning.optimum.searching import Search
from reports.choice.planning.optimum.solving import _assigned, solve
from reports.choice.planning.optimum.tabled import Table
from sizewise.core.specs import Size


def brute_force(problem: Problem) -> float | None:
    """The least mean latency of all ways to serve every size."""
    able = [
        [n for n, one in enumerate(problem.candidates) if size in one.serves]
        for size in range(len(problem.shares))
    ]
    fitting = (served for served in itertools.product(*able) if problem.fits(served))
    return min((problem.mean_ms(served) for served in fitting), default=None)


def problem_of(seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    sizes, candidates = int(rng.integers(1, 5)), int(rng.integers(1, 6))
    shares = rng.dirichlet(np.ones(sizes))
    memory = rng.integers(10, 100, size=candidates)
    of_engine = rng.integers(0, candidates, size=candidates)  # some share one
    with_libraries = rng.random() < 0.5
    made = [
        Candidate(
            name=str(n),
            engine=f"engine {of_engine[n]}",
            library=f"library {of_engine[n] % 2}" if with_libraries else "",
            memory_mib=float(memory[of_engine[n]]),
            switch_ms=float(rng.choice([0, 0, 5, 20])),
            serves={
                size: Serving(
                    ms=float(rng.integers(1, 50)),
                    accuracy=float(rng.uniform(0.3, 0.6)),
                    late=float(rng.choice([0, 0, 0.05, 1])),
                    input=Size(32, int(rng.integers(1, 3))),
                )
                for size in range(sizes)
                if rng.random() < 0.8
            },
        )
        for n in range(candidates)
    ]
    pairs = {
        (a, b): float(rng.uniform(0, 0.2))
        for a in range(sizes)
        for b in range(sizes)
        if a != b and rng.random() < 0.7
    }
    limit = rng.random
    return Problem(
        shares=shares.tolist(),
        candidates=made,
        memory_mib=50.0,
        libraries={"library 0": 20.0, "library 1": 40.0} if with_libraries else {},
        switches=pairs,
        max_memory_mib=float(rng.integers(60, 300)) if limit() < 0.6 else None,
        max_engines=int(rng.integers(1, 4)) if limit() < 0.4 else None,
        min_accuracy=float(rng.uniform(0.35, 0.5)) if limit() < 0.4 else None,
        max_late=float(rng.choice([0.5, 0.1, 0.01])) if limit() < 0.3 else None,
    )


def problems() -> st.SearchStrategy[Problem]:
    return st.integers(0, 2**32 - 1).map(problem_of)


def check(problem: Problem) -> None:
    found, best = solve(problem), brute_force(problem)
    assert (found is None) == (best is None)
    if found is None or best is None:
        return
    assert problem.fits(found.served)
    assert found.mean_ms == pytest.approx(best, rel=1e-3)
    assert found.bound_ms <= best * (1 + 1e-6)


@settings(max_examples=40, deadline=None)
@given(problems())
def test_no_plan_is_better_and_none_is_missed(problem: Problem) -> None:
    check(problem)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(problems())
def test_no_plan_is_better_in_500_problems(problem: Problem) -> None:
    check(problem)


def branched(problem: Problem) -> tuple[Branching, float]:
    """By branch and bound to the end, however small it is."""
    branching = Branching(
        problem, lambda names: _assigned(problem, names), gap=1e-4, clock=lambda: 0.0
    )
    return branching, branching.run(1.0)


def check_branches(problem: Problem) -> None:
    best = brute_force(problem)
    if not problem.is_servable:
        assert best is None
        return
    branching, bound = branched(problem)
    if best is None:
        assert branching.served is None
        assert bound == math.inf
        return
    assert branching.served is not None
    assert problem.fits(branching.served)
    assert branching.mean_ms == pytest.approx(best, rel=1e-3)
    assert best * (1 - 1e-3) <= bound <= best * (1 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(problems())
def test_branches_end_at_the_best_plan(problem: Problem) -> None:
    check_branches(problem)


def test_a_plan_whose_sizes_save_nothing_is_found() -> None:
    """It counts as more than any did before what sizes save was divided anew."""
    check_branches(problem_of(1699))


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(problems())
def test_branches_end_at_the_best_plan_in_500_problems(problem: Problem) -> None:
    check_branches(problem)


def test_what_has_no_room_is_proven_at_once() -> None:
    only = Candidate(name="a", memory_mib=1, serves={0: Serving(ms=1.0)})
    for limits in ({"max_memory_mib": 5.0}, {"max_memory_mib": 10.5}, {"max_engines": 0}):
        small = Problem(shares=[1.0], candidates=[only], memory_mib=10, **limits)
        branching, bound = branched(small)
        assert (branching.served, bound) == (None, math.inf)


def test_two_candidates_of_one_engine_may_run_at_one_place() -> None:
    """Then no change lies between their sizes, and no bound may count one."""
    one, two = Size(32, 32), Size(32, 64)
    first = {0: Serving(ms=13.0, input=one), 1: Serving(ms=34.0, input=two)}
    dear = [
        Candidate(name="a", engine="x", memory_mib=1, switch_ms=20, serves=first),
        Candidate(
            name="b", engine="x", memory_mib=1, switch_ms=9, serves={1: Serving(ms=8.0, input=one)}
        ),
    ]
    plain = Candidate(
        name="y", memory_mib=1, serves={n: Serving(ms=12.0, input=two) for n in range(2)}
    )
    problem = Problem(
        shares=[0.5, 0.5],
        candidates=[*dear, plain],
        switches={(0, 1): 0.2, (1, 0): 0.2},
        max_engines=1,
    )
    branching, bound = branched(problem)
    assert brute_force(problem) == pytest.approx(10.5)
    assert branching.mean_ms == pytest.approx(10.5)
    assert bound <= 10.5


def test_a_search_finds_what_takes_several_changes() -> None:
    sizes = range(4)
    each = [Candidate(name=str(n), memory_mib=10, serves={n: Serving(ms=1.0)}) for n in sizes]
    all_of = Candidate(name="all", memory_mib=10, serves={n: Serving(ms=4.0) for n in sizes})
    problem = Problem(shares=[0.25] * 4, candidates=[all_of, *each], max_memory_mib=40)
    _, cost = Search(Table(problem, least=False)).best()
    assert cost == pytest.approx(1.0)
    branching, bound = branched(problem)
    assert branching.mean_ms == pytest.approx(1.0)
    assert bound == pytest.approx(1.0, rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 2**32 - 1))
def test_no_plan_takes_less_than_is_counted_however_savings_are_divided(
    problem: Problem, seed: int
) -> None:
    table = Table(problem, least=True)
    assert table.savings is None or problem.switches
    rng = np.random.default_rng(seed)
    row_of = {candidate: row for row, candidate in enumerate(table.candidates)}
    able = [
        [n for n, one in enumerate(problem.candidates) if size in one.serves]
        for size in range(len(problem.shares))
    ]
    for _ in range(3):
        for served in itertools.islice(itertools.product(*able), 50):
            rows = [row_of[one] for one in served]
            counted = float(table.costs[rows, np.arange(len(rows))].sum())
            assert counted <= problem.mean_ms(served) + 1e-9
        if table.savings is not None:
            table.save(table.savings.divided(rng.random(table.costs.shape), 1.0))


def test_savings_are_counted_for_the_size_that_is_elsewhere() -> None:
    """Then the bound is the best plan itself: accuracy keeps the second size away from the first,
    so that nothing is saved."""
    one, two = Size(32, 32), Size(32, 64)
    both = {n: Serving(ms=10.0, accuracy=0.3, input=one) for n in range(2)}
    apart = {1: Serving(ms=13.0, accuracy=0.9, input=two)}
    problem = Problem(
        shares=[0.5, 0.5],
        candidates=[
            Candidate(name="p", memory_mib=1, switch_ms=20, serves=both),
            Candidate(name="q", memory_mib=1, switch_ms=20, serves=apart),
        ],
        switches={(0, 1): 0.25, (1, 0): 0.25},
        min_accuracy=0.6,
    )
    best = brute_force(problem)
    assert best == pytest.approx(21.5)
    table = Table(problem, least=True)
    relaxation = Relaxation(table)
    fixed = Fixed(
        low=np.zeros(2, dtype=int),
        high=np.ones(2, dtype=int),
        library_low=np.zeros(1, dtype=int),
        library_high=np.ones(1, dtype=int),
    )
    pool = np.isfinite(table.costs)
    halves = relaxation.bound(fixed, pool.copy(), np.inf).ms
    relaxation.divide_savings(fixed, pool.copy(), 1.0, lambda: 0.0)
    divided = relaxation.bound(fixed, pool.copy(), np.inf).ms
    assert halves < 20
    assert divided == pytest.approx(best, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(problems(), st.floats(0.5, 1.5))
def test_a_target_is_reached_or_proven_to_be_out_of_reach(problem: Problem, of: float) -> None:
    best = brute_force(problem)
    if not problem.is_servable:
        return
    target = of * (best or 20.0)
    branching = Branching(
        problem,
        lambda names: _assigned(problem, names),
        gap=1e-4,
        target=target,
        clock=lambda: 0.0,
    )
    bound = branching.run(1.0)
    if best is not None and best * (1 + 2e-4) <= target:
        assert branching.served is not None
        assert branching.mean_ms <= target
    elif best is None or best > target * (1 + 1e-3):
        assert branching.mean_ms > target
        assert bound > target


def late(names: Sequence[str]) -> Assigned:
    """As HiGHS where it has too little time."""
    return Assigned(served=None, bound_ms=-math.inf)


@settings(max_examples=40, deadline=None)
@given(problems())
def test_a_plan_is_found_where_highs_has_too_little_time(problem: Problem) -> None:
    if not problem.is_servable:
        return
    best = brute_force(problem)
    branching = Branching(problem, late, gap=1e-4, clock=lambda: 0.0)
    bound = branching.run(1.0)
    if branching.served is not None:
        assert problem.fits(branching.served)
    if best is not None:
        assert bound <= best * (1 + 1e-9)
        assert branching.served is not None or (problem.min_accuracy, problem.max_late) != (
            None,
            None,
        )


def test_a_size_that_nobody_serves_has_no_plan() -> None:
    only = Candidate(name="a", memory_mib=1, serves={0: Serving(ms=1.0)})
    assert solve(Problem(shares=[0.5, 0.5], candidates=[only])) is None
    assert math.isnan(Serving(ms=1.0).accuracy)
