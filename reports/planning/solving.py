"""The best set of engines, by a mixed-integer program (HiGHS, through scipy)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from reports.planning.problem import Problem

SECONDS, GAP = 10.0, 0.01
_OPTIMAL, _STOPPED = 0, 1
"""Of scipy's ``milp``: proven, and ended by a limit of time."""


@dataclass(frozen=True, kw_only=True)
class Solution:
    """``served`` has the candidate of each size; no plan takes less than ``bound_ms`` a picture in
    the mean."""

    served: tuple[int, ...]
    mean_ms: float
    bound_ms: float

    @property
    def loaded(self) -> tuple[int, ...]:
        return tuple(sorted(set(self.served)))

    @property
    def gap(self) -> float:
        """By how much a better plan could be better, as a share."""
        return max(0.0, 1 - self.bound_ms / self.mean_ms) if self.mean_ms else 0.0


def solve(problem: Problem, *, seconds: float = SECONDS, gap: float = GAP / 100) -> Solution | None:
    """The plan of the least mean latency that keeps to the limits; None where none does, or none
    was found in time."""
    model = _Model(problem)
    if not model.is_servable:
        return None
    found = milp(
        model.costs,
        integrality=model.integral,
        bounds=Bounds(0, 1),
        constraints=model.constraints(),
        options={"time_limit": seconds, "mip_rel_gap": gap},
    )
    if found.status not in (_OPTIMAL, _STOPPED) or found.x is None:
        return None
    served = model.served(found.x)
    bound = found.mip_dual_bound
    mean = problem.mean_ms(served)
    return Solution(served=served, mean_ms=mean, bound_ms=mean if bound is None else float(bound))


@dataclass
class _Rows:
    """Linear constraints as they are made: each is a row of weights, with its ends."""

    places: list[tuple[int, int]] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)

    def add(self, terms: Sequence[tuple[int, float]], low: float, high: float) -> None:
        for column, weight in terms:
            self.places.append((len(self.lows), column))
            self.weights.append(weight)
        self.lows.append(low)
        self.highs.append(high)


class _Model:
    """Variables: for each candidate, whether it is loaded; for each pair of a candidate and a size
    that it can serve, whether it does; for each pair of sizes that follow each other, whether
    another engine serves the second."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        candidates = range(len(problem.candidates))
        self._pairs = [(one, size) for one in candidates for size in self._sizes_of(one)]
        self._column = {pair: len(candidates) + n for n, pair in enumerate(self._pairs)}
        self._switches = list(problem.switches) if problem.switch_ms else []
        self._first_switch = len(candidates) + len(self._pairs)
        self.costs = self._costs()
        self.integral = np.ones(len(self.costs))
        self.integral[self._first_switch :] = 0  # they follow from the others

    def _sizes_of(self, candidate: int) -> Iterator[int]:
        """Those that it may serve: others would take too long for any share."""
        yield from self._problem.candidates[candidate].serves

    @property
    def is_servable(self) -> bool:
        return {size for _, size in self._pairs} == set(range(len(self._problem.shares)))

    def _costs(self) -> NDArray[np.float64]:
        problem = self._problem
        calls = [
            problem.shares[size] * problem.candidates[one].serves[size].ms
            for one, size in self._pairs
        ]
        switches = [problem.switch_ms * problem.switches[pair] for pair in self._switches]
        return np.array([0.0] * len(problem.candidates) + calls + switches)

    def served(self, values: NDArray[np.float64]) -> tuple[int, ...]:
        best: dict[int, tuple[float, int]] = {}
        for one, size in self._pairs:
            value = float(values[self._column[one, size]])
            best[size] = max(best.get(size, (-1.0, -1)), (value, one))
        return tuple(best[size][1] for size in range(len(self._problem.shares)))

    def constraints(self) -> LinearConstraint:
        rows = _Rows()
        self._each_size_by_one(rows)
        self._by_loaded_ones(rows)
        self._limits(rows)
        self._switched(rows)
        shape = (len(rows.lows), len(self.costs))
        at = tuple(zip(*rows.places, strict=True))
        return LinearConstraint(csr_array((rows.weights, at), shape), rows.lows, rows.highs)

    def _each_size_by_one(self, rows: _Rows) -> None:
        for size in range(len(self._problem.shares)):
            terms = [(self._column[pair], 1.0) for pair in self._pairs if pair[1] == size]
            rows.add(terms, 1, 1)

    def _by_loaded_ones(self, rows: _Rows) -> None:
        for pair in self._pairs:
            rows.add([(self._column[pair], 1.0), (pair[0], -1.0)], -np.inf, 0)

    def _limits(self, rows: _Rows) -> None:
        problem, candidates = self._problem, range(len(self._problem.candidates))
        if problem.max_memory_mib is not None:
            room = problem.max_memory_mib - problem.memory_mib
            terms = [(one, problem.candidates[one].memory_mib) for one in candidates]
            rows.add(terms, -np.inf, room)
        if problem.max_engines is not None:
            rows.add([(one, 1.0) for one in candidates], -np.inf, problem.max_engines)
        if problem.min_accuracy is not None:
            rows.add(
                [
                    (column, problem.shares[size] * problem.candidates[one].serves[size].accuracy)
                    for (one, size), column in self._column.items()
                ],
                problem.min_accuracy,
                np.inf,
            )
        if problem.max_ms is not None:
            late = [
                (column, problem.shares[size])
                for (one, size), column in self._column.items()
                if problem.candidates[one].serves[size].ms > problem.max_ms
            ]
            if late:
                rows.add(late, -np.inf, 1 - problem.percentile)

    def _switched(self, rows: _Rows) -> None:
        """A pair of sizes is switched where a candidate serves the first and not the second."""
        for place, (first, second) in enumerate(self._switches):
            for one in range(len(self._problem.candidates)):
                if (column := self._column.get((one, first))) is None:
                    continue
                terms = [(column, 1.0), (self._first_switch + place, -1.0)]
                if (other := self._column.get((one, second))) is not None:
                    terms.append((other, -1.0))
                rows.add(terms, -np.inf, 0)
