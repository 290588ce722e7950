"""A good set of engines by a local search: where the mixed-integer program starts from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from reports.choice.planning.optimum.tabled import Array, Table

_HALVINGS = 20
SHAKEN = 40
"""Times that a set is changed at random, and searched from again."""
_BY_LIBRARY = 0.25
"""Of these times, the share in which all engines of a library are taken out."""
_TRIED = 6
"""Changes that promise most, and are tried in full."""
_NO_GAIN = 1e-9
_NOT_SERVED = 1e6
"""Milliseconds that stand for a size which no engine serves, so that sums can be compared."""


class Search:
    """Sets of engines that change by one: one more, one less, one for another. Where none of these
    gains, some engines are taken out at random, and it goes on: an iterated local search (Lourenço,
    Martin and Stützle, 2003).

    Each size is served by the candidate of the least cost, which counts every change as one that
    has its price. Where accuracy has a limit, it has a price as well, the least that keeps to it;
    so all changes by one are compared by a few operations on arrays.
    """

    def __init__(self, table: Table, clock: Callable[[], float] = time.monotonic) -> None:
        problem = table.problem
        self._table, self._clock = table, clock
        self._costs = np.minimum(table.costs, _NOT_SERVED)
        self._accuracy = np.zeros_like(table.costs)
        if problem.min_accuracy is not None:
            self._accuracy = -table.sides[0]
        if problem.max_late is not None:  # one that all pictures of the size could not bear
            late = table.sides[-1] > problem.max_late * np.array(problem.shares) + _NO_GAIN
            self._costs[late] = _NOT_SERVED
        self._price, self._at_price = 0.0, self._priced(0.0)

    def best(
        self,
        start: Sequence[int] = (),
        *,
        shaken: int = SHAKEN,
        until: float = np.inf,
        target: float | None = None,
    ) -> tuple[list[int], float]:
        """The engines, from those of ``start``, and the cost; infinite where none were found that
        keep to the limits. It ends by itself, at the ``target``, or when the clock says."""
        rng = np.random.default_rng(0)
        found = self._improved(list(start), until)
        cost = self._cost(found)
        for _ in range(shaken):
            if self._clock() > until or (target is not None and cost <= target):
                break
            other = self._improved(self._shaken(found, rng), until)
            if (now := self._cost(other)) < cost - _NO_GAIN:
                found, cost = other, now
        return found, cost if cost < _NOT_SERVED / 2 else np.inf

    def _shaken(self, loaded: list[int], rng: np.random.Generator) -> list[int]:
        """Two engines less in the mean, or all of a library."""
        if loaded and rng.random() < _BY_LIBRARY:
            library = self._table.library[rng.choice(loaded)]
            return [one for one in loaded if self._table.library[one] != library]
        return [one for one in loaded if rng.random() > min(0.5, 2 / len(loaded))]

    @property
    def price(self) -> float:
        """Of accuracy, where all engines are loaded."""
        self._cost(list(range(len(self._table.names))))
        return self._price

    def served(self, loaded: Sequence[int]) -> tuple[int, ...] | None:
        """The candidates of these engines at the price of accuracy; None where they do not serve
        all sizes. They need not keep to the limits."""
        self._cost(list(loaded))
        rows = np.flatnonzero(np.isin(self._table.engine, loaded))
        costs = self._costs[rows]
        chosen = (costs - self._price * self._accuracy[rows]).argmin(axis=0)
        if (costs[chosen, np.arange(len(chosen))] >= _NOT_SERVED).any():
            return None
        return tuple(self._table.candidates[rows[one]] for one in chosen)

    def _improved(self, loaded: list[int], until: float) -> list[int]:
        cost = self._cost(loaded)
        while self._clock() < until:
            for changed in self._changes(loaded):
                if (now := self._cost(changed)) < cost - _NO_GAIN:
                    loaded, cost = changed, now
                    break
            else:
                return loaded
        return loaded

    def _changes(self, loaded: list[int]) -> Iterator[list[int]]:
        """Those that have room and promise most at the price that the set has, the best first."""
        self._cost(loaded)
        left_out = [[], *([one] for one in loaded)]
        values, choices = [], []
        for out in left_out:
            rest = [one for one in loaded if one not in out]
            served = self._least(rest)
            more = np.minimum(self._at_price, served).sum(axis=1)
            more[~self.has_room(rest)] = np.inf
            more[rest] = np.inf
            for one in np.argsort(more, kind="stable")[:_TRIED]:
                values.append(more[one])
                choices.append([*rest, int(one)])
            if out and rest:
                values.append(served.sum())
                choices.append(rest)
        for place in np.argsort(values, kind="stable")[:_TRIED]:
            if np.isfinite(values[place]):
                yield choices[place]

    def has_room(self, loaded: list[int]) -> NDArray[np.bool_]:
        """Of each engine, whether it has room beside these."""
        table = self._table
        held = np.zeros(table.library_weights.shape[1], dtype=bool)
        held[table.library[loaded]] = True
        used = table.weights[:, loaded].sum(axis=1) + table.library_weights @ held
        more = table.weights + (table.library_weights * ~held)[:, table.library]
        return np.asarray((used[:, None] + more <= table.limits[:, None]).all(axis=0))

    def _least(self, loaded: list[int]) -> Array:
        """The cost of each size at the price."""
        if not loaded:
            return np.full(self._costs.shape[1], _NOT_SERVED)
        return np.asarray(self._at_price[loaded].min(axis=0))

    def _priced(self, price: float) -> Array:
        """The cost of each size in each engine, where accuracy has a price."""
        return np.minimum.reduceat(self._costs - price * self._accuracy, self._table.starts, axis=0)

    def _cost(self, loaded: list[int]) -> float:
        """Of the sizes, where these engines are loaded and accuracy has the price it must have,
        which is left in place. Far above all others where they don't keep to the limits."""
        floor, price = self._table.problem.min_accuracy, 0.0
        if floor is not None and loaded:
            rows = np.flatnonzero(np.isin(self._table.engine, loaded))
            price = _least_price(self._costs[rows], self._accuracy[rows], floor)
        if price != self._price:
            self._price, self._at_price = price, self._priced(price)
        return float(self._least(loaded).sum()) + (0.0 if floor is None else price * floor)


def _least_price(costs: Array, accuracy: Array, floor: float) -> float:
    """Of accuracy, by which the candidates of the least cost keep to the floor; the highest that is
    tried where none does."""
    sizes = np.arange(costs.shape[1])

    def reached(price: float) -> bool:
        chosen = (costs - price * accuracy).argmin(axis=0)
        return bool(accuracy[chosen, sizes].sum() >= floor)

    if reached(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while high < _NOT_SERVED and not reached(high):
        low, high = high, 8 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high
