"""A problem as arrays: engines, their candidates, and sizes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from reports.choice.planning.optimum.problem import Candidate, Problem

Array = NDArray[np.float64]
_ROUNDED = 1e-9


class Table:
    """``costs`` (milliseconds in the mean; infinite where it can't) is of each candidate, in the
    order of their engines, at each size. ``least`` says whether changes between sizes count as
    little as they can, or as if none ran at the same place.

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
        changes = _changes(problem) if problem.switches else None
        dearest = _dearest(problem) if problem.switches and least else None
        for row, place in enumerate(self.candidates):
            one = problem.candidates[place]
            known = list(one.serves)
            shares = np.array([problem.shares[size] for size in known])
            served = list(one.serves.values())
            self.costs[row, known] = shares * [serving.ms for serving in served]
            accuracy[row, known] = shares * [serving.accuracy for serving in served]
            late[row, known] = shares * [serving.late for serving in served]
            if changes is not None and known:
                self.costs[row, known] += _change_ms(one, changes, dearest)
        sides = [(-accuracy, problem.min_accuracy, -1), (late, problem.max_late, 1)]
        kept = [(weights, sign * limit) for weights, limit, sign in sides if limit is not None]
        self.sides = np.array([weights for weights, _ in kept]).reshape(len(kept), *shape)
        self.side_limits = np.array([limit + _ROUNDED for _, limit in kept])

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


def _dearest(problem: Problem) -> dict[tuple[str, Hashable], Array]:
    """What a change to each size costs at most, by the engine and input that it runs at; NaN where
    that can't be."""
    found: dict[tuple[str, Hashable], Array] = {}
    for one in problem.candidates:
        for size, serving in one.serves.items():
            place = one.loads, serving.input
            at = found.setdefault(place, np.full(len(problem.shares), np.nan))
            at[size] = np.fmax(at[size], one.switch_ms)
    return found


def _change_ms(
    one: Candidate, changes: Array, dearest: Mapping[tuple[str, Hashable], Array] | None
) -> Array:
    """What a candidate's changes are counted as, in milliseconds in the mean, by size: all of them,
    or with ``dearest`` as little as they can cost.

    Two sizes that can run at one place, each by a candidate of its own, may do without the change
    between them: half of it is taken from each.
    """
    known = list(one.serves)
    before = np.asarray(one.switch_ms * changes[:, known].sum(axis=0))
    if dearest is None:
        return before
    there = np.stack([dearest[one.loads, serving.input] for serving in one.serves.values()])
    to = one.switch_ms * np.where(np.isnan(there), 0, changes[:, known].T).sum(axis=1)
    away = (np.nan_to_num(there) * changes[known]).sum(axis=1)
    return np.asarray(before - (to + away) / 2)
