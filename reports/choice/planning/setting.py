"""What a plan is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from reports.choice.planning.candidates import Offer, Use, uses_of, with_late
from reports.choice.planning.curves import Curves
from reports.choice.planning.demand import Demand, even_groups, joined
from reports.choice.planning.kinds import Group
from reports.choice.planning.limits import USUAL_LOSS, PlanLimits
from reports.choice.planning.optimum.problem import Problem
from sizewise.core.specs import Size

POINT = 0.01
EVEN_GROUPS = 6


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
        """All ways to use engines; pictures are late that take more than ``max_ms``."""
        if max_ms is None:
            return self._uses
        return tuple(with_late(self._uses, self.offer, max_ms))

    @cached_property
    def _uses(self) -> tuple[Use, ...]:
        known = map(self._known, uses_of(self.groups, self.buckets, self.offer))
        return tuple(use for use in known if use.candidate.serves)

    @cached_property
    def offer(self) -> Offer:
        """What engines are candidates for."""
        return Offer(
            demand=self.demand,
            curves=self.curves,
            may_shrink=self.floor is not None,
            switch_ms=self.switch_ms,
            dynamic=frozenset(group.name for group in self.groups if not group.is_static),
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
