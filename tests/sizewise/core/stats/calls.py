"""Quantiles and rates of single calls, on machines whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from sizewise.core.stats.intervals import Interval
from sizewise.core.stats.tails import Calls, mean_call, quantile
from tests.sizewise.core.stats.drift import Array
from tests.sizewise.core.stats.groups import SWEEP, Count
from tests.sizewise.core.stats.simulated import Machine, Simulated, simulate

TRUE_CALLS = 20_000
"""Calls at random moments of a sweep, from which its true quantiles are taken."""
CALLS = 6
"""In a block: 60 ms of calls that take 10 ms each."""
PROCESSES = [wave for wave in range(SWEEP.waves) for _ in range(SWEEP.rounds)]
Figure = tuple[Callable[[Calls], Interval], Callable[[Array], float]]
FIGURES: Mapping[str, Figure] = {
    "p90": (lambda calls: quantile(calls, 0.9), lambda calls: float(np.quantile(calls, 0.9))),
    "p99": (lambda calls: quantile(calls, 0.99), lambda calls: float(np.quantile(calls, 0.99))),
    "mean": (mean_call, lambda calls: float(calls.mean())),
}


def covered_figures(
    random: np.random.Generator, *, groups: int, machine: Machine, figure: str, calls: int = CALLS
) -> Count:
    """95 % intervals that hold what calls at random moments of the sweep would have taken.

    ``machine`` has one value for each of its ranges, and normal noise. Calls spread by 1.5 %; one
    of 25 is slower by 20 % in the mean.
    """
    estimate, exact = FIGURES[figure]
    hits = 0
    simulated = simulate(random, machine, [0.0] * 4, count=groups, schedule=SWEEP)
    for group in range(groups):
        truth = exact(_true_calls(random, machine, simulated, group))
        levels = simulated.log[group, 0][..., None]
        times = np.exp(levels + _calls(random, (SWEEP.waves, SWEEP.rounds, calls)))
        interval = estimate(Calls(turns=list(times.reshape(-1, calls)), processes=PROCESSES))
        assert interval.low is not None
        assert interval.high is not None
        hits += interval.low <= truth <= interval.high
    return Count(hits=hits, cases=groups)


def _true_calls(
    random: np.random.Generator, machine: Machine, simulated: Simulated, group: int
) -> Array:
    """Calls at random moments, each in a process, a round and a block of its own."""
    at_s = simulated.at_s
    drift = np.interp(random.uniform(at_s[0], at_s[-1], TRUE_CALLS), at_s, simulated.path[group])
    spread = np.hypot.reduce(
        [each[0] for each in (machine.wave, machine.round, machine.process, machine.block)]
    )
    return np.asarray(
        np.exp(drift + random.normal(0, spread, TRUE_CALLS) + _calls(random, (TRUE_CALLS,)))
    )


def _calls(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    slow = random.random(shape) < 0.04
    more = np.where(slow, random.exponential(0.2, shape), 0)
    return random.normal(0, 0.015, shape) + more
