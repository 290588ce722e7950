"""A problem as a mixed-integer program, for HiGHS through scipy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp
from scipy.sparse import csr_array

from reports.choice.planning.optimum.problem import Problem
from reports.choice.planning.optimum.quiet import without_forgotten_lines

_MOST_ROWS = 4_000
"""Of changes between sizes. With more, the program takes longer than it gains."""


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


class Program:
    """Variables: for each engine and each library, whether it is loaded; for each pair of a
    candidate and a size that it can serve, whether it does; for each pair of sizes that follow each
    other, what the change between them costs."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._engines = {name: place for place, name in enumerate(problem.engines)}
        self._pairs = [
            (one, size)
            for one, candidate in enumerate(problem.candidates)
            for size in candidate.serves
        ]
        loads = len(self._engines)
        self._libraries = {name: loads + n for n, name in enumerate(problem.libraries)}
        self._first_pair = loads + len(self._libraries)
        self._column = {pair: self._first_pair + n for n, pair in enumerate(self._pairs)}
        self._able: dict[int, list[int]] = {}
        for one, size in self._pairs:
            self._able.setdefault(size, []).append(one)
        self._at: dict[tuple[str, object], set[int]] = {}
        for one, size in self._pairs:
            self._at.setdefault(self._place(one, size), set()).add(size)
        self._before: dict[int, dict[int, float]] = {n: {} for n in range(len(problem.shares))}
        for (first, second), share in problem.switches.items():
            self._before[second][first] = share
        self._sharing: dict[tuple[int, int], list[int]] = {}
        self._switches = self._frequent()
        self._first_switch = self._first_pair + len(self._pairs)
        self.costs = self._costs()
        self.integral = np.ones(len(self.costs), dtype=np.int64)
        self.integral[self._first_switch :] = 0  # they follow from the others
        self.most = np.ones(len(self.costs))
        self.most[self._first_switch :] = np.inf

    def _frequent(self) -> list[tuple[int, int]]:
        """The changes that may or may not be one, and are part of the program: as many as it bears,
        the most frequent first. Without the others its bound is one still, as no change takes less
        than no time."""
        chosen, rows = list[tuple[int, int]](), 0
        switches = self._problem.switches
        for pair in sorted(switches, key=lambda pair: -switches[pair]):
            rows += len(self._open_to(*pair))
            if rows > _MOST_ROWS:
                break
            if self._open_to(*pair):
                chosen.append(pair)
        return chosen

    def _open_to(self, first: int, second: int) -> list[int]:
        """The candidates of the second size in whose places the first may have run before it."""
        found = self._sharing.get((first, second))
        if found is None:
            candidates = self._problem.candidates
            found = self._sharing[first, second] = [
                one
                for one in self._able.get(second, ())
                if candidates[one].switch_ms and first in self._at[self._place(one, second)]
            ]
        return found

    def _place(self, one: int, size: int) -> tuple[str, object]:
        candidate = self._problem.candidates[one]
        return candidate.loads, candidate.serves[size].input

    def _certain_ms(self, one: int, size: int) -> float:
        """What changes to a size cost certainly, where its place could not have been that of the
        size before."""
        problem = self._problem
        sharing = self._at[self._place(one, size)]
        before = sum(share for first, share in self._before[size].items() if first not in sharing)
        return problem.candidates[one].switch_ms * before

    def _costs(self) -> NDArray[np.float64]:
        problem = self._problem
        calls = [
            problem.shares[size] * problem.candidates[one].serves[size].ms
            + self._certain_ms(one, size)
            for one, size in self._pairs
        ]
        switches = [problem.switches[pair] for pair in self._switches]
        return np.array([0.0] * self._first_pair + calls + switches)

    @property
    def size(self) -> int:
        """The number of its variables."""
        return len(self.costs)

    def solved(self, seconds: float, gap: float) -> OptimizeResult:
        """What HiGHS finds in this time, or when no plan can be better by more than ``gap``."""
        with without_forgotten_lines():
            return milp(
                self.costs,
                integrality=self.integral,
                bounds=Bounds(0, self.most),
                constraints=self.constraints(),
                options={"time_limit": seconds, "mip_rel_gap": gap},
            )

    def served(self, values: NDArray[np.float64]) -> tuple[int, ...]:
        return tuple(
            max(self._able[size], key=lambda one: float(values[self._column[one, size]]))
            for size in range(len(self._problem.shares))
        )

    def constraints(self) -> LinearConstraint:
        rows = _Rows()
        self._each_size_by_one(rows)
        self._by_loaded_ones(rows)
        self._with_libraries(rows)
        self._limits(rows)
        self._switched(rows)
        shape = (len(rows.lows), len(self.costs))
        places = np.array(rows.places).T
        weights = csr_array((np.array(rows.weights), (places[0], places[1])), shape=shape)
        return LinearConstraint(weights, rows.lows, rows.highs)

    def _each_size_by_one(self, rows: _Rows) -> None:
        for size, able in self._able.items():
            rows.add([(self._column[one, size], 1.0) for one in able], 1, 1)

    def _by_loaded_ones(self, rows: _Rows) -> None:
        for size, able in self._able.items():
            by_engine: dict[int, list[int]] = {}
            for one in able:
                engine = self._engines[self._problem.candidates[one].loads]
                by_engine.setdefault(engine, []).append(self._column[one, size])
            for engine, columns in by_engine.items():
                rows.add([*((column, 1.0) for column in columns), (engine, -1.0)], -np.inf, 0)

    def _with_libraries(self, rows: _Rows) -> None:
        for engine, library in self._problem.library_of.items():
            rows.add([(self._engines[engine], 1.0), (self._libraries[library], -1.0)], -np.inf, 0)

    def _limits(self, rows: _Rows) -> None:
        problem = self._problem
        if problem.max_memory_mib is not None:
            room = problem.max_memory_mib - problem.memory_mib
            terms = [(self._engines[name], mib) for name, mib in problem.engines.items()]
            terms += [(self._libraries[name], mib) for name, mib in problem.libraries.items()]
            rows.add(terms, -np.inf, room)
        if problem.max_engines is not None:
            terms = [(place, 1.0) for place in self._engines.values()]
            rows.add(terms, -np.inf, problem.max_engines)
        if problem.min_accuracy is not None:
            rows.add(
                [
                    (column, problem.shares[size] * problem.candidates[one].serves[size].accuracy)
                    for (one, size), column in self._column.items()
                ],
                problem.min_accuracy,
                np.inf,
            )
        if problem.max_late is not None:
            late = [
                (column, problem.shares[size] * share)
                for (one, size), column in self._column.items()
                if (share := problem.candidates[one].serves[size].late)
            ]
            if late:
                rows.add(late, -np.inf, problem.max_late)

    def _switched(self, rows: _Rows) -> None:
        """A change costs what the second size's candidate takes for it, unless the first ran at the
        same place."""
        problem = self._problem
        for place, (first, second) in enumerate(self._switches):
            for one in self._open_to(first, second):
                cost = problem.candidates[one].switch_ms
                same = (
                    other
                    for other in self._able[first]
                    if problem.is_same_place(other, first, one, second)
                )
                terms = [(self._column[one, second], cost), (self._first_switch + place, -1.0)]
                terms += [(self._column[other, first], -cost) for other in same]
                rows.add(terms, -np.inf, 0)
