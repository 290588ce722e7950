"""The best set of engines: a small problem by HiGHS, a large one by branch and bound."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from scipy.optimize import OptimizeResult

from reports.choice.planning.optimum.branching import Assigned, Branching, Served
from reports.choice.planning.optimum.problem import Problem
from reports.choice.planning.optimum.program import Program

SECONDS, GAP = 10.0, 0.01
_OPTIMAL, _INFEASIBLE = 0, 2
"""Of scipy's ``milp``."""
_SMALL = 1_000
"""Variables of a program that HiGHS solves at once: the larger, the longer it prepares it."""
_ASSIGN_S = 0.5
_TIGHTER = 2e-6
"""HiGHS takes limits for kept that are broken by less."""


@dataclass(frozen=True, kw_only=True)
class Solution:
    """``served`` has the candidate of each size; no plan takes less than ``bound_ms`` a picture in
    the mean."""

    served: tuple[int, ...]
    mean_ms: float
    bound_ms: float

    @property
    def gap(self) -> float:
        """By how much a better plan could be better, as a share."""
        return max(0.0, 1 - self.bound_ms / self.mean_ms) if self.mean_ms else 0.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """``is_impossible`` says that it is proven that no plan keeps to the limits."""

    solution: Solution | None
    is_impossible: bool = False


def solve(problem: Problem, *, seconds: float = SECONDS, gap: float = GAP / 100) -> Solution | None:
    """The plan of the least mean latency that keeps to the limits; None where none does, or none
    was found in time."""
    return outcome(problem, seconds=seconds, gap=gap).solution


def outcome(
    problem: Problem,
    *,
    seconds: float = SECONDS,
    gap: float = GAP / 100,
    target: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """:func:`solve`, and whether no plan can keep to the limits. The ``clock`` says seconds.

    With a ``target``, any plan that takes no more will do; another may be returned where none was
    found, and its bound is above the target where it is proven that there is none.
    """
    until = clock() + seconds
    if not problem.is_servable:
        return Outcome(solution=None, is_impossible=True)
    pairs = sum(len(one.serves) for one in problem.candidates)
    if pairs <= _SMALL and (program := Program(problem)).size <= _SMALL:
        found = program.solved(seconds / 2, gap)  # the rest is for a search, where it stops
        if found.status == _OPTIMAL and problem.fits(served := program.served(found.x)):
            return Outcome(solution=_solution(problem, served, found.mip_dual_bound))
    branching = Branching(
        problem,
        lambda names: _assigned(problem, names),
        gap=gap,
        target=target,
        clock=clock,
    )
    bound = branching.run(until)
    if branching.served is None:
        return Outcome(solution=None, is_impossible=math.isinf(bound))
    return Outcome(solution=_solution(problem, branching.served, bound))


def _solution(problem: Problem, served: Served, bound: float) -> Solution:
    mean = problem.mean_ms(served)
    return Solution(served=served, mean_ms=mean, bound_ms=min(mean, float(bound)))


def _assigned(problem: Problem, engines: Sequence[str]) -> Assigned:
    """What serves each size best where only these engines are loaded."""
    own = [place for place, one in enumerate(problem.candidates) if one.loads in engines]
    part = replace(problem, candidates=[problem.candidates[place] for place in own])
    floor, late = problem.min_accuracy, problem.max_late
    tighter = replace(
        part,
        min_accuracy=None if floor is None else floor + _TIGHTER,
        max_late=None if late is None else late - _TIGHTER,
    )
    bound = -math.inf
    for one in (part, tighter):
        if not one.is_servable:
            return Assigned(served=None, bound_ms=math.inf)
        program = Program(one)
        found = program.solved(_ASSIGN_S, GAP / 100)
        if one is part:
            bound = _bound_of(found)
        if found.x is not None:
            served = tuple(own[place] for place in program.served(found.x))
            if problem.fits(served):
                return Assigned(served=served, bound_ms=bound)
    return Assigned(served=None, bound_ms=bound)


def _bound_of(found: OptimizeResult) -> float:
    if found.status == _INFEASIBLE:
        return math.inf
    return -math.inf if found.mip_dual_bound is None else float(found.mip_dual_bound)
