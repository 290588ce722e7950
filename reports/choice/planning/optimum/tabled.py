"""A problem as arrays: engines, their candidates, and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from reports.choice.planning.optimum.problem import Problem
from reports.choice.planning.optimum.saving import Savings, savings_of

Array = NDArray[np.float64]
_ROUNDED = 1e-9


class Table:
    """``costs`` (milliseconds in the mean; infinite where it can't) is of each candidate, in the
    order of their engines, at each size. ``least`` says whether changes between sizes count as
    little as they can, or as if none ran at the same place; what is taken from them for that are
    the ``savings``.

    Sums over what serves, of ``sides`` by their weights, are at most ``side_limits``: accuracy lost
    and late pictures. Sums over what is loaded, of ``weights`` (and ``library_weights``), are at
    most ``limits``: memory and number.
    """

    def __init__(self, problem: Problem, *, least: bool) -> None:
        self.problem = problem
        self.names = list(problem.engines)
        number = {name: place for place, name in enumerate(self.names)}
        engines = [number[one.loads] for one in problem.candidates]
        self.candidates = sorted(range(len(engines)), key=engines.__getitem__)
        self.engine = np.sort(np.array(engines))
        self.starts = np.searchsorted(self.engine, np.arange(len(self.names)))
        self._fill(least)
        libraries = ["", *problem.libraries]
        of = problem.library_of
        self.library = np.array([libraries.index(of.get(name, "")) for name in self.names])
        self._limit(libraries)

    def _fill(self, least: bool) -> None:
        problem = self.problem
        shape = len(self.candidates), len(problem.shares)
        self.costs = np.full(shape, np.inf)
        accuracy, late = np.zeros(shape), np.zeros(shape)
        changes = _changes(problem)
        for row, place in enumerate(self.candidates):
            one = problem.candidates[place]
            known = list(one.serves)
            shares = np.array([problem.shares[size] for size in known])
            served = list(one.serves.values())
            self.costs[row, known] = shares * [serving.ms for serving in served]
            accuracy[row, known] = shares * [serving.accuracy for serving in served]
            late[row, known] = shares * [serving.late for serving in served]
            self.costs[row, known] += one.switch_ms * changes[:, known].sum(axis=0)
        sides = [(-accuracy, problem.min_accuracy, -1), (late, problem.max_late, 1)]
        kept = [(weights, sign * limit) for weights, limit, sign in sides if limit is not None]
        self.sides = np.array([weights for weights, _ in kept]).reshape(len(kept), *shape)
        self.side_limits = np.array([limit + _ROUNDED for _, limit in kept])
        self.savings = savings_of(problem, self.candidates) if least and problem.switches else None
        self._changed = self.costs
        if self.savings:
            self.save(self.savings)

    def save(self, savings: Savings) -> None:
        """Count these from now on."""
        self.savings = savings
        self.costs = self._changed - savings.counted()

    def _limit(self, libraries: Sequence[str]) -> None:
        problem = self.problem
        memory = list(problem.engines.values())
        of_libraries = [problem.libraries.get(one, 0.0) for one in libraries]
        room = problem.max_memory_mib
        rows = [
            (memory, of_libraries, None if room is None else room - problem.memory_mib),
            ([1.0] * len(memory), [0.0] * len(libraries), problem.max_engines),
        ]
        kept = [(a, b, limit) for a, b, limit in rows if limit is not None and isfinite(limit)]
        self.weights = np.array([a for a, _, _ in kept]).reshape(len(kept), len(memory))
        self.library_weights = np.array([b for _, b, _ in kept]).reshape(len(kept), len(libraries))
        self.limits = np.array([limit + _ROUNDED for _, _, limit in kept])

    def priced(self, side_prices: Array) -> Array:
        """The costs, where what the sides weigh has prices."""
        return np.asarray(self.costs + self.weighed(side_prices))

    def weighed(self, side_prices: Array) -> Array:
        """What the sides cost at these prices."""
        cost = np.zeros_like(self.costs)
        for price, side in zip(side_prices, self.sides, strict=True):
            cost += price * side
        return cost


def _changes(problem: Problem) -> Array:
    found = np.zeros((len(problem.shares), len(problem.shares)))
    for (first, second), share in problem.switches.items():
        found[first, second] = share
    return found
