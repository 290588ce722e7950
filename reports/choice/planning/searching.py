"""A good set of engines by a local search: what the mixed-integer program has not found in time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from reports.choice.planning.problem import Problem

_HALVINGS = 24
_PROMISING = 40
"""Engines that are tried in place of another one: those that alone gain most."""
_NO_GAIN = 1e-9


class Search:
    """Sets of engines that change by one: one more, one less, one for another.

    Each size is served by the candidate of the least cost, which counts every change as one that
    has its price. Where accuracy has a limit, it has a price as well, the least that keeps to it.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._names = list(problem.engines)
        self._rows: dict[str, list[int]] = {name: [] for name in self._names}
        shape = len(problem.candidates), len(problem.shares)
        self._costs = np.full(shape, math.inf)
        self._accuracy = np.full(shape, -math.inf)
        before = np.zeros(len(problem.shares))
        for (_, size), share in problem.switches.items():
            before[size] += share
        for row, one in enumerate(problem.candidates):
            self._rows[one.loads].append(row)
            for size, serving in one.serves.items():
                if problem.max_late is not None and serving.late > problem.max_late:
                    continue
                share = problem.shares[size]
                self._costs[row, size] = share * serving.ms + one.switch_ms * before[size]
                self._accuracy[row, size] = share * serving.accuracy

    def best(self, start: Sequence[int] | None, seconds: float) -> tuple[int, ...] | None:
        """The candidate of each size, from ``start`` or from the best single engine; None where
        nothing was found that keeps to the limits."""
        end = time.monotonic() + seconds
        loaded = frozenset(self._problem.loaded(start)) if start else self._first()
        found = self._served(loaded)
        while found is not None and time.monotonic() < end:
            better = self._better(loaded, self._cost(found), end)
            if better is None:
                break
            loaded, found = better
        fits = found is not None and self._problem.fits(found)
        return tuple(found) if fits and found is not None else None

    def _first(self) -> frozenset[str]:
        served = ((name, self._served([name])) for name in self._names)
        costs = {name: self._cost(one) for name, one in served if one is not None}
        return frozenset([min(costs, key=lambda name: costs[name])] if costs else [])

    def _better(
        self, loaded: frozenset[str], cost: float, end: float
    ) -> tuple[frozenset[str], list[int]] | None:
        """The first change that gains; the best of those of one engine more comes before others."""
        gains: dict[str, float] = {}
        best: tuple[float, frozenset[str], list[int]] | None = None
        for name in self._names:
            if name in loaded:
                continue
            if time.monotonic() > end:
                break
            # Without limits: what is too much for them may come in place of another.
            served = self._served(loaded | {name}, limited=False)
            gains[name] = cost - self._cost(served) if served else 0.0
        promising = sorted(gains, key=lambda name: -gains[name])[:_PROMISING]
        more = (loaded | {name} for name in promising)
        for changed in chain(more, self._fewer(loaded), self._others(loaded, promising)):
            if time.monotonic() > end:
                break
            served = self._served(changed)
            if served is None:
                continue
            now = self._cost(served)
            if now < cost - _NO_GAIN and (best is None or now < best[0]):
                best = now, changed, served
        return None if best is None else (best[1], best[2])

    @staticmethod
    def _fewer(loaded: frozenset[str]) -> Iterator[frozenset[str]]:
        for name in loaded if len(loaded) > 1 else ():
            yield loaded - {name}

    @staticmethod
    def _others(loaded: frozenset[str], promising: Iterable[str]) -> Iterator[frozenset[str]]:
        for new in promising:
            for name in loaded:
                yield loaded - {name} | {new}

    def _cost(self, served: Sequence[int]) -> float:
        return float(self._costs[served, range(len(served))].sum())

    def _served(self, loaded: Iterable[str], *, limited: bool = True) -> list[int] | None:
        """The candidate of each size, where these engines are loaded; None where one has none, or
        a limit does not hold."""
        names = list(loaded)
        rows = [row for name in names for row in self._rows[name]]
        if not rows or (limited and not self._has_room(names)):
            return None
        costs, accuracy = self._costs[rows], self._accuracy[rows]
        if not np.isfinite(costs.min(axis=0)).all():
            return None
        chosen = self._priced(costs, accuracy)
        return None if chosen is None else [rows[place] for place in chosen]

    def _priced(
        self, costs: NDArray[np.float64], accuracy: NDArray[np.float64]
    ) -> list[int] | None:
        floor, sizes = self._problem.min_accuracy, np.arange(costs.shape[1])
        chosen = costs.argmin(axis=0)
        if floor is None or accuracy[chosen, sizes].sum() >= floor:
            return [int(place) for place in chosen]
        most = np.where(np.isfinite(costs), accuracy, -math.inf)
        best = most.argmax(axis=0)
        if most[best, sizes].sum() < floor:
            return None
        low, high = 0.0, 1.0
        scale = 1e3 * float(np.nanmax(np.where(np.isfinite(costs), costs, np.nan)))
        for _ in range(_HALVINGS):
            price = (low + high) / 2
            chosen = (costs - price * scale * np.where(np.isfinite(accuracy), accuracy, 0)).argmin(
                0
            )
            if accuracy[chosen, sizes].sum() >= floor:
                high, best = price, chosen
            else:
                low = price
        return [int(place) for place in best]

    def _has_room(self, names: Sequence[str]) -> bool:
        problem = self._problem
        if problem.max_engines is not None and len(names) > problem.max_engines:
            return False
        if problem.max_memory_mib is None:
            return True
        libraries = {problem.library_of[one] for one in names if one in problem.library_of}
        engines = sum(problem.engines[one] for one in names)
        return problem.process_mib(libraries) + engines <= problem.max_memory_mib
