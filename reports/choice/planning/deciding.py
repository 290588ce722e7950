"""The plan: the best engines for a traffic under limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from reports.choice.planning.candidates import without_dominated
from reports.choice.planning.decided import Decided, least_p99
from reports.choice.planning.optimum.problem import Problem
from reports.choice.planning.optimum.solving import SECONDS, Solution, outcome
from reports.choice.planning.setting import Setting

_CLOSE = 1e-3
"""The share of a p99 that is not halved further."""
_FOR_MEAN = 0.25
"""The share of the time for the least mean at that p99."""
_LATE = 0.01
"""The share of the pictures that are slower than p99."""

Clock = Callable[[], float]


def decide(
    setting: Setting, *, seconds: float = SECONDS, clock: Clock = time.monotonic
) -> Decided | None:
    """The best plan; None where no set of engines keeps to the limits, or none was found within so
    many seconds of the ``clock``."""
    return decide_or_prove(setting, seconds=seconds, clock=clock)[0]


def decide_or_prove(
    setting: Setting, *, seconds: float = SECONDS, clock: Clock = time.monotonic
) -> tuple[Decided | None, bool]:
    """:func:`decide`, and whether it is proven that no set of engines keeps to the limits."""
    until = clock() + seconds
    if setting.limits.objective == "p99":
        return _of_least_p99(setting, until, clock)
    limit = setting.limits.max_latency_ms
    return _of_least_mean(setting, limit, setting.limits.max_late, until, clock)


def _of_least_mean(
    setting: Setting, max_ms: float | None, max_late: float, until: float, clock: Clock
) -> tuple[Decided | None, bool]:
    """The plan, and whether it is proven that there is none."""
    uses = without_dominated(setting.uses(max_ms), setting.libraries)
    problem = setting.problem(uses, None if max_ms is None else max_late)
    found = outcome(problem, seconds=max(0.0, until - clock()), clock=clock)
    if found.solution is None:
        return None, found.is_impossible
    decided = Decided(
        setting=setting,
        uses=uses,
        problem=problem,
        solution=found.solution,
        bound=found.solution.bound_ms,
        gap=found.solution.gap,
    )
    return decided, False


def _of_least_p99(setting: Setting, until: float, clock: Clock) -> tuple[Decided | None, bool]:
    """The least time that 99 % of the pictures keep to, by halving; and then the least mean. Each
    step has half of the time that is left for them, and all of it where no plan is known yet."""
    halved = until - (until - clock()) * _FOR_MEAN
    best, is_proven = _with_few_late(setting, None, halved, clock)
    if best is None and not is_proven:
        best, is_proven = _with_few_late(setting, None, until, clock)
    if best is None:
        return None, is_proven
    bound = low = least_p99(setting)
    high = best.prediction.p99_ms
    while high - low > _CLOSE * high and (now := clock()) < halved:
        middle = (low + high) / 2
        found, is_impossible = _with_few_late(setting, middle, now + (halved - now) / 2, clock)
        if found is None:
            low = middle
            bound = middle if is_impossible else bound
        else:
            best, high = found, found.prediction.p99_ms
    found, _ = _of_least_mean(setting, high, _LATE, until, clock)
    if found is not None and found.prediction.p99_ms <= high:
        best = found
    p99 = best.prediction.p99_ms
    gap = max(0.0, 1 - bound / p99) if p99 else 0.0
    return replace(best, bound=bound, gap=gap), False


def _with_few_late(
    setting: Setting, max_ms: float | None, until: float, clock: Clock
) -> tuple[Decided | None, bool]:
    """A plan of which 99 % of the pictures keep to ``max_ms``, whatever their mean; and whether it
    is proven that there is none."""
    uses = without_dominated(setting.uses(max_ms), setting.libraries)
    problem = setting.problem(uses, None if max_ms is None else _LATE)
    found = outcome(
        _of_late_pictures(problem), seconds=max(0.0, until - clock()), target=_LATE, clock=clock
    )
    if found.solution is None:
        return None, found.is_impossible
    served = found.solution.served
    if not problem.fits(served):
        return None, found.solution.bound_ms > _LATE
    solution = Solution(served=served, mean_ms=problem.mean_ms(served), bound_ms=0.0)
    return (
        Decided(setting=setting, uses=uses, problem=problem, solution=solution, bound=0.0, gap=1.0),
        False,
    )


def _of_late_pictures(problem: Problem) -> Problem:
    """The problem of the least share of late pictures, in place of time."""
    candidates = [
        replace(one, serves={n: replace(it, ms=it.late) for n, it in one.serves.items()})
        for one in problem.candidates
    ]
    return replace(problem, candidates=candidates, switches={}, max_late=None)
