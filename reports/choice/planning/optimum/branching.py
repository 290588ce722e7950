"""The best engines of a large problem: branch and bound, with prices of a linear program."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reports.choice.planning.optimum.problem import Problem
from reports.choice.planning.optimum.relaxing import Bound, Fixed, Relaxation
from reports.choice.planning.optimum.searching import Search
from reports.choice.planning.optimum.tabled import Array, Table

Served = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """The candidate of each size where some engines are loaded; None where none was found that
    keeps to the limits. No other choice takes less than ``bound_ms``: infinite where it is proven
    that none keeps to them."""

    served: Served | None
    bound_ms: float


Assign = Callable[[Sequence[str]], Assigned]
"""Of the names of engines."""
_Part = tuple[float, Fixed, Bound | None]
"""Its bound, what is fixed, and the bound of a part that it was much like."""
_WHOLE = 1e-6
_ROUNDED = 1e-9
"""By so much a sum may be above a target."""
_SHAKEN = 4
_DIVIDING = 0.25
"""The share of the time for what sizes save together."""
_PROMISING = 1.01
"""A set of engines whose cost, by a search, is above the best by more is not looked at."""


class Branching:
    """Plans are split by whether a library is loaded, then by whether an engine is: first the part
    that may have the best plan (Land and Doig, 1960). A part goes where its bound is no better than
    the plan that is known, but for ``gap``. Where there is a ``target``, plans that take more are
    of no use, and the first that takes no more is the best."""

    def __init__(
        self,
        problem: Problem,
        assign: Assign,
        *,
        gap: float,
        target: float | None = None,
        clock: Callable[[], float],
    ) -> None:
        self._problem, self._assign, self._gap, self._clock = problem, assign, gap, clock
        self._table = Table(problem, least=True)
        full = Table(problem, least=False)
        self._search = self._full = Search(full, clock)
        self._relaxation = Relaxation(self._table)
        worst = np.where(np.isfinite(full.costs), full.costs, -np.inf).max(axis=0)
        self._worst = float(worst.sum()) + _WHOLE * (1 + float(np.abs(worst).sum()))
        self._target = target
        self._tried: dict[frozenset[int], float] = {}
        self._least_left = np.inf
        self.served: Served | None = None
        self.mean_ms = np.inf

    def run(self, until: float) -> float:
        """Go on until it is proven or the clock says; return the bound."""
        self._begin(until)
        number = itertools.count()
        parts: list[tuple[float, int, Fixed, Bound | None]] = [
            (0.0, next(number), self._all(), None)
        ]
        while parts and parts[0][0] < self._enough and self._clock() < until:
            above, _, fixed, near = heapq.heappop(parts)
            for part in self._split(fixed, near, above):
                heapq.heappush(parts, (part[0], next(number), part[1], part[2]))
        if self._is_reached:
            return 0.0
        left = min((part[0] for part in parts), default=np.inf)
        if self.served is None:  # infinite: none keeps to the limits
            return float(min(left, self._least_left))
        return float(min(left, self._least_left, self._enough))

    def _begin(self, until: float) -> None:
        """A first plan and the columns to begin with; and what sizes save, divided."""
        loaded, _ = self._search.best(until=until, target=self._target)
        self._try(loaded)
        sides = np.full(len(self._table.side_limits), self._search.price)
        self._pool = self._relaxation.first_pool(np.array(loaded, dtype=int), sides)
        if self._is_reached or self._table.savings is None:
            return
        now = self._clock()
        divided = now + (until - now) * _DIVIDING
        self._relaxation.divide_savings(self._all(), self._pool, divided, self._clock)
        # From here on, what sizes save is taken off their costs: sets that share places look good.
        self._search = Search(self._table, self._clock)
        self._try(self._search.best(loaded, until=until)[0])

    @property
    def _enough(self) -> float:
        """A bound from which a part is of no use: no plan takes more than at its worst."""
        if self._is_reached:
            return -np.inf
        target = np.inf if self._target is None else self._target * (1 + _WHOLE) + _ROUNDED
        return min(self.mean_ms * (1 - self._gap), self._worst, target)

    @property
    def _is_reached(self) -> bool:
        return self._target is not None and self.mean_ms <= self._target + _ROUNDED

    def _all(self) -> Fixed:
        engines, libraries = len(self._table.names), self._table.library_weights.shape[1]
        return Fixed(
            low=np.zeros(engines, dtype=int),
            high=np.ones(engines, dtype=int),
            library_low=np.zeros(libraries, dtype=int),
            library_high=np.ones(libraries, dtype=int),
        )

    def _split(self, fixed: Fixed, near: Bound | None, above: float) -> list[_Part]:
        """The parts of a part that may have a better plan; its bound is not below ``above``."""
        if (self._used(fixed) > self._table.limits).any():
            return []
        pool = self._pool if near is None else self._relaxation.near(near, self._pool)
        bound = self._relaxation.bound(fixed, pool, self._enough)
        self._pool |= pool
        ms = max(above, bound.ms)
        if ms < self._enough:
            self._round(bound)
        if ms >= self._enough:
            return []
        hopeless = bound.ms + bound.reduced >= self._enough
        hopeless |= self._too_large(fixed)
        fixed = replace(fixed, high=np.where(hopeless & (fixed.low == 0), 0, fixed.high))
        parts = self._branched(bound, fixed)
        if not parts:  # one set of engines
            least = self._try([int(one) for one in np.flatnonzero(fixed.low)])
            self._least_left = min(self._least_left, max(ms, least))
        return [(ms, part, near) for part, near in parts]

    def _too_large(self, fixed: Fixed) -> np.typing.NDArray[np.bool_]:
        """Engines that have no room beside those that are loaded certainly."""
        table, used = self._table, self._used(fixed)
        more = table.library_weights * (fixed.library_low == 0)
        one = used[:, None] + table.weights + more[:, table.library]
        return np.asarray((one > table.limits[:, None]).any(axis=0))

    def _used(self, fixed: Fixed) -> Array:
        """Of the limits, by what is loaded certainly."""
        table = self._table
        return np.asarray(table.weights @ fixed.low + table.library_weights @ fixed.library_low)

    def _round(self, bound: Bound) -> None:
        """Look for a better plan near the linear program's."""
        start = list[int]()
        for one in np.argsort(-bound.loaded, kind="stable"):
            if bound.loaded[one] > _WHOLE and self._search.has_room(start)[one]:
                start.append(int(one))
        loaded, cost = self._search.best(start, shaken=_SHAKEN)
        if cost < self.mean_ms * _PROMISING:
            self._try(loaded)

    def _try(self, loaded: Sequence[int]) -> float:
        """Take the plan of these engines where it is the best so far; return their bound."""
        if not loaded:
            return np.inf
        key = frozenset(loaded)
        if key not in self._tried:
            found = self._assign([self._table.names[one] for one in loaded])
            self._tried[key] = found.bound_ms
            self._take(found.served)
            self._take(self._full.served(loaded))  # where HiGHS had too little time
        return self._tried[key]

    def _take(self, served: Served | None) -> None:
        if served is None or not self._problem.fits(served):
            return
        if (ms := self._problem.mean_ms(served)) < self.mean_ms:
            self.served, self.mean_ms = served, ms

    def _branched(self, bound: Bound, fixed: Fixed) -> list[tuple[Fixed, Bound | None]]:
        table = self._table
        free = fixed.library_low < fixed.library_high
        if (library := _most_fractional(bound.libraries, free)) is not None:
            own = table.library == library
            return [(fixed.with_library(library, own, loaded), None) for loaded in (0, 1)]
        free = fixed.low < fixed.high
        engine = _most_fractional(bound.loaded, free)
        if engine is None:
            if not free.any():
                return []
            engine = int(np.argmax(np.where(free, 1 + bound.loaded, 0)))
        of = int(table.library[engine])
        return [(fixed.with_engine(engine, of, loaded), bound) for loaded in (0, 1)]


def _most_fractional(values: Array, free: np.typing.NDArray[np.bool_]) -> int | None:
    away = np.where(free, np.minimum(values, 1 - values), 0)
    place = int(np.argmax(away))
    return place if away[place] > _WHOLE else None
