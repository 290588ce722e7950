"""A solved setting: the engines that were chosen, and what is expected of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reports.choice.planning.candidates import Use
from reports.choice.planning.optimum.problem import Problem
from reports.choice.planning.optimum.solving import Solution
from reports.choice.planning.setting import Setting, Together
from sizewise.core.specs import Size
from sizewise.core.specs.plan import Prediction

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Decided:
    """A solved setting. ``bound`` is of the objective: milliseconds of the mean or of 99 %."""

    setting: Setting
    uses: tuple[Use, ...]
    problem: Problem
    solution: Solution
    bound: float
    gap: float

    @property
    def served(self) -> tuple[Use, ...]:
        """The use that serves each size."""
        return tuple(self.uses[one] for one in self.solution.served)

    def together(self, resident_mib: float) -> Together:
        """How the memory of the engines differs from their sum, where all of them take so much."""
        more = len(self.engines) - len({use.group.spec.backend for use in self.served})
        rows = (use.candidate.memory_mib for use in self.served)
        before = self.setting.together
        excess = self.prediction.memory_mib - resident_mib
        shared = 0.0 if more == 0 else excess / more
        shared = min(max(shared, -before.shared_mib), *rows)
        return Together(
            shared_mib=before.shared_mib + shared,
            offset_mib=before.offset_mib - (excess - more * shared),
        )

    def pace(self, place_ms: Mapping[tuple[str, Size], float]) -> float:
        """What these engines take together, beside what was measured of each alone."""
        ratios = [
            ms / alone
            for number, use in enumerate(self.served)
            if (size := use.candidate.serves[number].input)
            and (alone := use.group.ms.at(size))
            and (ms := place_ms.get((use.candidate.loads, size)))
        ]
        return float(np.exp(np.mean(np.log(ratios)))) if ratios else 1.0

    @cached_property
    def prediction(self) -> Prediction:
        return predicted(self.setting, self.uses, self.problem, self.solution.served)

    def under(self, setting: Setting) -> Decided:
        """The same engines for the same sizes, with the figures of another setting; it has no
        bound."""
        uses = setting.uses(setting.limits.max_latency_ms)
        number = {use.candidate.name: place for place, use in enumerate(uses)}
        served = tuple(number[use.candidate.name] for use in self.served)
        problem = setting.problem(uses, self.problem.max_late)
        mean = problem.mean_ms(served)
        return Decided(
            setting=setting,
            uses=uses,
            problem=problem,
            solution=Solution(served=served, mean_ms=mean, bound_ms=0.0),
            bound=0.0,
            gap=1.0,
        )

    def bounded(self, bound: float) -> Decided:
        """With a bound that holds in its setting."""
        taken = self.objective_ms
        bound = min(bound, taken)
        return replace(self, bound=bound, gap=1 - bound / taken if taken else 0.0)

    @property
    def fits(self) -> bool:
        """Whether it keeps to the limits."""
        return self.problem.fits(self.solution.served)

    @property
    def objective_ms(self) -> float:
        """What is to be the least."""
        found = self.prediction
        return found.p99_ms if self.setting.limits.objective == "p99" else found.mean_ms

    @property
    def process_mib(self) -> float:
        """Memory of the process with their libraries, and without them."""
        return self.problem.process_mib(use.candidate.library for use in self.served)

    @property
    def engines(self) -> tuple[str, ...]:
        """Their names."""
        return self.problem.loaded(self.solution.served)


def predicted(
    setting: Setting, uses: Sequence[Use], problem: Problem, served: Sequence[int]
) -> Prediction:
    """What pictures take that are served so."""
    times, weights, offer = [], [], setting.offer
    for number, one in enumerate(served):
        serving = problem.candidates[one].serves[number]
        size = serving.input or setting.demand.sizes[number]
        spread = offer.spread_of(uses[one].group, size)
        times.append(serving.ms * spread)
        weights.append(np.full(len(spread), problem.shares[number] / len(spread)))
    quantile = _quantiles(np.concatenate(times), np.concatenate(weights))
    accuracy = problem.accuracy(served)
    return Prediction(
        mean_ms=problem.mean_ms(served),
        p50_ms=quantile(0.5),
        p99_ms=quantile(0.99),
        memory_mib=problem.memory_of(served),
        accuracy=None if math.isnan(accuracy) else accuracy,
    )


def least_p99(setting: Setting) -> float:
    """What no plan's p99 is below: that of the fastest engine for each size, whatever is loaded."""
    rows: dict[tuple[int, Size | None], int] = {}
    times: list[Array] = []
    of_size: list[set[int]] = [set() for _ in setting.demand.sizes]
    for use in setting.uses(None):
        for number, one in use.candidate.serves.items():
            key = id(use.group), one.input
            if key not in rows:
                rows[key] = len(times)
                size = one.input or setting.demand.sizes[number]
                times.append(one.ms * setting.offer.spread_of(use.group, size))
            of_size[number].add(rows[key])
    table = np.array(np.broadcast_arrays(*times))
    least = [table[sorted(numbers)].min(axis=0) for numbers in of_size]
    shares = np.repeat(setting.demand.shares, table.shape[1]) / table.shape[1]
    return _quantiles(np.concatenate(least), shares)(0.99)


def _quantiles(times: Array, weights: Array) -> Callable[[float], float]:
    order = np.argsort(times)
    below = np.cumsum(weights[order])

    def at(share: float) -> float:
        place = int(np.searchsorted(below, share * below[-1] - 1e-12))
        return float(times[order][min(place, len(times) - 1)])

    return at
