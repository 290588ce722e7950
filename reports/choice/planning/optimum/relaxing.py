"""What no plan can be better than: a Lagrangian bound, at the prices of a linear program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

from reports.choice.planning.optimum.tabled import Array, Table

_ROUNDS = 12
"""Of adding columns to a linear program."""
_OF_DIVISION = 2
"""The same, for each division of savings."""
_CLOSE = 5e-4
"""A bound that is so near to the linear program's value, as a share, is not improved further."""
_ADDED = 25
"""Candidates of each size that are added in a round."""
_NEAR = 1000
"""Columns that a linear program of a part begins with."""
_LEAST_STEP, _SHORTER = 0.05, 0.8
"""Steps of subgradients: from 1, each so much of the one before."""
_IDLE = 2
"""Steps in a row that gain nothing."""
_STARTING = 8
"""Candidates of each size that a linear program begins with."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prices:
    """Of serving each size, of what the sides weigh, and of what the loaded engines weigh."""

    sizes: Array
    sides: Array
    limits: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Fixed:
    """The least and the most of each engine and of each library that may be loaded: 0 or 1."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    library_low: NDArray[np.int64]
    library_high: NDArray[np.int64]

    def with_engine(self, engine: int, library: int, loaded: int) -> Fixed:
        low, high, library_low = self.low.copy(), self.high.copy(), self.library_low.copy()
        low[engine] = high[engine] = loaded
        library_low[library] |= loaded
        return replace(self, low=low, high=high, library_low=library_low)

    def with_library(self, library: int, engines: NDArray[np.bool_], loaded: int) -> Fixed:
        low, high = self.library_low.copy(), self.library_high.copy()
        low[library] = high[library] = loaded
        most = self.high.copy()
        if not loaded:
            most[engines] = 0
        return replace(self, library_low=low, library_high=high, high=most)


@dataclass(frozen=True, kw_only=True, eq=False)
class Bound:
    """``ms`` holds for all plans that are left. ``loaded`` and ``libraries`` are the linear
    program's, and ``reduced`` what the bound rises by at least if an engine is loaded."""

    ms: float
    prices: Prices
    loaded: Array
    libraries: Array
    reduced: Array


class Relaxation:
    """The problem without whole numbers: a linear program whose columns are added as they are
    needed (Dantzig and Wolfe, 1960). Its prices go into Lagrange's function over *all* columns,
    which is a bound at any prices (Geoffrion, 1974), so that it holds whatever the linear program's
    errors are."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._served = np.zeros_like(table.costs)  # by the last linear program
        worst = np.where(np.isfinite(table.costs), table.costs, 0).max(axis=0)
        self._unserved = 2 * worst + worst.sum()
        """What it costs in the linear program where nothing serves a size."""

    def first_pool(self, engines: NDArray[np.int64], side_prices: Array) -> NDArray[np.bool_]:
        """Columns to begin with: all that these engines serve, and what serves a size best."""
        own = np.isin(self._table.engine, engines)[:, None]
        pool = np.asarray(own & np.isfinite(self._table.costs))
        for factor in (0.5, 1.0, 2.0):
            priced = self._table.priced(factor * side_prices)
            best = np.argsort(priced, axis=0, kind="stable")[:_STARTING]
            np.put_along_axis(pool, best, True, axis=0)
        return pool

    def divide_savings(
        self, fixed: Fixed, pool: NDArray[np.bool_], until: float, clock: Callable[[], float]
    ) -> None:
        """Count what sizes save at one place where that makes the bound the highest. Columns are
        added to the ``pool``."""
        savings = best = self._table.savings
        highest, step, idle = -np.inf, 1.0, 0
        while savings is not None and idle < _IDLE and step > _LEAST_STEP and clock() < until:
            self._table.save(savings)
            bound = self.bound(fixed, pool, np.inf, _OF_DIVISION)
            gains = bound.ms > highest + _CLOSE * abs(highest)
            idle = 0 if gains or np.isinf(highest) else idle + 1
            if bound.ms > highest:
                highest, best = bound.ms, savings
            savings = savings.divided(self._served, step)
            step *= _SHORTER
        if best is not None:
            self._table.save(best)

    def near(self, bound: Bound, pool: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Those of the pool that are the nearest to being used in a part of what ``bound`` holds
        for: with fewer columns, a linear program takes less time."""
        over = np.maximum(self._costs_at(bound.prices) - bound.prices.sizes, 0)
        over = np.where(pool, over + bound.reduced[self._table.engine][:, None], np.inf)
        most = min(_NEAR, over.size - 1)
        return np.asarray(pool & (over <= np.partition(over, most, axis=None)[most]))

    def bound(
        self, fixed: Fixed, pool: NDArray[np.bool_], enough: float, rounds: int = _ROUNDS
    ) -> Bound:
        """It ends early where the bound is ``enough``. Columns are added to the ``pool``."""
        best: Bound | None = None
        for _ in range(rounds):
            value, prices, loaded, libraries = self._solved(fixed, pool)
            ms, reduced, wanted = self._lagrangian(prices, fixed)
            if best is None or ms > best.ms:
                best = Bound(
                    ms=ms, prices=prices, loaded=loaded, libraries=libraries, reduced=reduced
                )
            new = _first(wanted & ~pool, self._costs_at(prices))
            if best.ms >= enough or ms >= value * (1 - _CLOSE) or not new.any():
                break
            pool |= new
        assert best is not None  # noqa: S101 - there is a round
        return replace(best, loaded=loaded, libraries=libraries)

    def _costs_at(self, prices: Prices) -> Array:
        return self._table.priced(prices.sides)

    def _lagrangian(self, prices: Prices, fixed: Fixed) -> tuple[float, Array, NDArray[np.bool_]]:
        """The bound, what it rises by with each engine, and the columns that the linear program
        may want."""
        table = self._table
        gains = np.minimum(self._costs_at(prices) - prices.sizes, 0)
        of_engine = np.minimum.reduceat(gains, table.starts, axis=0).sum(axis=1)
        of_engine += prices.limits @ table.weights
        counted = np.where(fixed.low > 0, of_engine, np.minimum(of_engine, 0) * fixed.high)
        libraries = prices.limits @ table.library_weights
        libraries += np.bincount(table.library, counted, len(libraries))
        free = fixed.library_low == 0
        of_library = np.where(free, np.minimum(libraries, 0) * fixed.library_high, libraries)
        ms = prices.sizes.sum() - prices.limits @ table.limits - prices.sides @ table.side_limits
        closed = np.where(free, np.maximum(libraries, 0), 0)[table.library]
        reduced = np.where(fixed.low > 0, 0, np.maximum(of_engine, 0) + closed)
        useful = (of_engine < 0) & (fixed.high > 0) | (fixed.low > 0)
        return float(ms + of_library.sum()), reduced, (gains < 0) & useful[table.engine][:, None]

    def _solved(self, fixed: Fixed, pool: NDArray[np.bool_]) -> tuple[float, Prices, Array, Array]:
        """The value and the prices of the linear program of the columns so far."""
        table = self._table
        possible = pool & np.isfinite(table.costs) & (fixed.high[table.engine] > 0)[:, None]
        rows, sizes = np.nonzero(possible)
        engines, pairs = len(table.names), len(rows)
        libraries, count = table.library_weights.shape[1], table.costs.shape[1]
        sides, limits = len(table.side_limits), len(table.limits)
        x = engines + libraries
        slack = x + pairs
        columns = slack + count + sides
        # Each size and engine that has a column: served by it at most as far as it is loaded.
        keys, place = np.unique(table.engine[rows] * count + sizes, return_inverse=True)
        links = len(keys)
        each, all_engines = np.arange(links), np.arange(engines)
        entries = [
            (place, x + np.arange(pairs), np.ones(pairs)),
            (each, keys // count, -np.ones(links)),
            (links + all_engines, all_engines, np.ones(engines)),
            (links + all_engines, engines + table.library, -np.ones(engines)),
        ]
        top = links + engines
        for row in range(limits):
            entries.append((np.full(engines, top + row), all_engines, table.weights[row]))
            entries.append(
                (
                    np.full(libraries, top + row),
                    engines + np.arange(libraries),
                    table.library_weights[row],
                )
            )
        top += limits
        for row in range(sides):
            weights = table.sides[row][rows, sizes]
            entries.append((np.full(pairs, top + row), x + np.arange(pairs), weights))
            entries.append((np.array([top + row]), np.array([slack + count + row]), -np.ones(1)))
        served = [
            (sizes, x + np.arange(pairs), np.ones(pairs)),
            (np.arange(count), slack + np.arange(count), np.ones(count)),
        ]
        broken = np.full(sides, self._unserved.max() * 1e3)
        costs = np.concatenate([np.zeros(x), table.costs[rows, sizes], self._unserved, broken])
        low, high = np.zeros(columns), np.full(columns, np.inf)
        low[:x] = np.concatenate([fixed.low, fixed.library_low])
        high[:x] = np.concatenate([fixed.high, fixed.library_high])
        found = linprog(  # type: ignore[call-overload]  # its stubs know no sparse matrix
            costs,
            A_ub=_matrix(entries, (top + sides, columns)),
            b_ub=np.concatenate([np.zeros(links + engines), table.limits, table.side_limits]),
            A_eq=_matrix(served, (count, columns)),
            b_eq=np.ones(count),
            bounds=np.stack([low, high], axis=1),
            method="highs-ds",
        )
        if found.x is None:
            nothing = Prices(sizes=self._unserved, sides=np.zeros(sides), limits=np.zeros(limits))
            return np.inf, nothing, fixed.high.astype(float), fixed.library_high.astype(float)
        paid = np.maximum(-found.ineqlin.marginals, 0)
        prices = Prices(
            sizes=found.eqlin.marginals,
            limits=paid[top - limits : top],
            sides=paid[top:],
        )
        self._served = np.zeros_like(table.costs)
        self._served[rows, sizes] = found.x[x:slack]
        return float(found.fun), prices, found.x[:engines], found.x[engines:x]


def _first(wanted: NDArray[np.bool_], costs: Array) -> NDArray[np.bool_]:
    """Those of each size that cost least."""
    order = np.argsort(np.where(wanted, costs, np.inf), axis=0, kind="stable")[:_ADDED]
    chosen = np.zeros_like(wanted)
    np.put_along_axis(chosen, order, True, axis=0)
    return chosen & wanted


def _matrix(
    entries: list[tuple[NDArray[np.int64], NDArray[np.int64], Array]], shape: tuple[int, int]
) -> coo_array:
    rows, columns, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    return coo_array((values, (rows, columns)), shape=shape)
