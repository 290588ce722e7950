"""The plan: the best engines for a traffic under limits, and what others would give."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from reports.choice.planning.candidates import Offer, Use, uses_of, without_dominated
from reports.choice.planning.curves import Curves
from reports.choice.planning.demand import Demand, even_groups, joined
from reports.choice.planning.kinds import Group
from reports.choice.planning.limits import USUAL_LOSS, PlanLimits
from reports.choice.planning.optimum.problem import Problem
from reports.choice.planning.optimum.solving import SECONDS, Solution, outcome
from sizewise.core.specs import Size
from sizewise.core.specs.plan import Prediction

POINT = 0.01
EVEN_GROUPS = 6
_STEPS = 12
"""Of the search for the least p99: each halves what is left."""
_LATE = 0.01
"""The share of the pictures that are slower than p99."""


@dataclass(frozen=True, kw_only=True)
class Together:
    """How the memory of engines in one process differs from the sum over processes of one:
    ``shared_mib`` of each are the library's, which it loads with the first engine; ``offset_mib``
    is what is left."""

    shared_mib: float = 0.0
    offset_mib: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """All that a plan is made of.

    ``bare_mib`` is the memory of a process with no library (None: the system does not say).
    ``together`` is of engines that were measured in one process, ``switch_ms`` what changes cost
    there, by engine, and ``place_ms`` what a picture takes there without one, by engine and input;
    other engines take ``pace`` times what was measured of each alone, and ``spread`` is what
    pictures take there over the mean of their place, as quantiles, with what changes cost. A
    ``hopeful`` setting counts static engines that nobody measured at the least that they may take,
    but those that are ``hopeless``: what is best in it is worth measuring.
    """

    demand: Demand
    groups: tuple[Group, ...]
    curves: Curves
    limits: PlanLimits
    bare_mib: float | None = None
    together: Together = field(default_factory=Together)
    switch_ms: Mapping[str, float] = field(default_factory=dict)
    place_ms: Mapping[tuple[str, Size], float] = field(default_factory=dict)
    pace: float = 1.0
    spread: tuple[float, ...] = ()
    hopeful: bool = False
    hopeless: frozenset[str] = frozenset()

    @property
    def floor(self) -> float | None:
        """The least mean accuracy; None where there is no limit."""
        if self.limits.min_ap is not None:
            return self.limits.min_ap
        if self.curves.metric is None:
            return None
        loss = self.limits.max_loss_points
        return self.best_accuracy - POINT * (USUAL_LOSS if loss is None else loss)

    @property
    def best_accuracy(self) -> float:
        """Of the most accurate model, where nothing is scaled down further than the rule says."""
        side = self.demand.rule.side_px
        known = [self.curves.of(group).at(side) for group in self.groups]
        return max((one for one in known if not math.isnan(one)), default=math.nan)

    @property
    def process_mib(self) -> float:
        """Memory of the process with no library, and no engine."""
        return max(0.0, self._bare_mib + self.together.offset_mib)

    @property
    def libraries(self) -> Mapping[str, float]:
        """What each library takes in a process, by back end."""
        before: dict[str, float] = {}
        for group in self.groups:
            backend = group.spec.backend
            before[backend] = max(group.before_mib, before.get(backend, 0.0))
        more = self.together.shared_mib - self._bare_mib
        return {backend: mib + more for backend, mib in before.items()}

    @property
    def _bare_mib(self) -> float:
        """Of a process with no library; where that is not known, what the smallest library takes
        counts as the process's."""
        least = min(group.before_mib for group in self.groups)
        return least if self.bare_mib is None else min(self.bare_mib, least)

    @cached_property
    def buckets(self) -> tuple[Size, ...]:
        """Inputs of static engines: what pictures ask for, and what holds several of these."""
        sizes = self.demand.sizes
        even = [
            joined(group)
            for count in range(1, min(EVEN_GROUPS, len(sizes)) + 1)
            for group in even_groups(sizes, count)
        ]
        return tuple(dict.fromkeys((*sizes, *even)))

    def uses(self, max_ms: float | None) -> tuple[Use, ...]:
        found = uses_of(self.groups, self.buckets, self.offer(max_ms))
        known = map(self._known, found)
        return tuple(use for use in known if use.candidate.serves)

    def offer(self, max_ms: float | None) -> Offer:
        """What engines are candidates for."""
        return Offer(
            demand=self.demand,
            curves=self.curves,
            max_ms=max_ms,
            may_shrink=self.floor is not None,
            switch_ms=self.switch_ms,
            shared_mib=self.together.shared_mib,
            place_ms=self.place_ms,
            pace=self.pace,
            spread=self.spread,
            hopeful=self.hopeful,
            hopeless=self.hopeless,
        )

    def _known(self, use: Use) -> Use:
        """``use`` without sizes whose accuracy is not known, where that counts."""
        if self.floor is None:
            return use
        serves = {n: one for n, one in use.candidate.serves.items() if not math.isnan(one.accuracy)}
        return replace(use, candidate=replace(use.candidate, serves=serves))

    def problem(self, uses: Sequence[Use], max_late: float | None) -> Problem:
        return Problem(
            shares=self.demand.shares,
            candidates=[use.candidate for use in uses],
            memory_mib=self.process_mib,
            libraries=self.libraries,
            switches=self.demand.switches,
            max_memory_mib=self.limits.max_memory_mib,
            max_engines=self.limits.max_engines,
            min_accuracy=self.floor,
            max_late=max_late,
        )


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
    step has half of the time that is left, and all of it where no plan is known yet."""

    def step(max_ms: float | None) -> tuple[Decided | None, bool]:
        now = clock()
        return _of_least_mean(setting, max_ms, _LATE, now + (until - now) / 2, clock)

    best, is_proven = step(None)
    if best is None and not is_proven:
        best, is_proven = _of_least_mean(setting, None, _LATE, until, clock)
    if best is None:
        return None, is_proven
    bound = low = 0.0
    high = best.prediction.p99_ms
    for _ in range(_STEPS):
        middle = (low + high) / 2
        found, is_impossible = step(middle)
        if found is None:
            low = middle
            bound = max(bound, middle) if is_impossible else bound
        else:
            high, best = middle, found
    p99 = best.prediction.p99_ms
    gap = max(0.0, 1 - bound / p99) if p99 else 0.0
    return replace(best, bound=bound, gap=gap), False


def predicted(
    setting: Setting, uses: Sequence[Use], problem: Problem, served: Sequence[int]
) -> Prediction:
    """What pictures take that are served so."""
    times, weights, offer = [], [], setting.offer(None)
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


def _quantiles(
    times: np.typing.NDArray[np.float64], weights: np.typing.NDArray[np.float64]
) -> Callable[[float], float]:
    order = np.argsort(times)
    below = np.cumsum(weights[order])

    def at(share: float) -> float:
        place = int(np.searchsorted(below, share * below[-1] - 1e-12))
        return float(times[order][min(place, len(times) - 1)])

    return at
