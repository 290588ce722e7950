"""What sizes save that run at one place, and which of the two it is counted for.

Two sizes at one place do without the changes between them. Whether both are there depends on where
each is served, so the bound counts a part of what they save for the one and the rest for the other,
wherever both can run. It holds for any division: a saving is at most what is counted for those that
are there (Lagrange's relaxation of "both run here"). The best division is found by subgradients
(Held, Wolfe and Crowder, "Validation of subgradient optimization", 1974).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reports.choice.planning.optimum.problem import Problem

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Savings:
    """``ms`` is what the sizes ``first`` and ``second`` save at each ``place`` where both can run,
    in milliseconds in the mean; ``later`` is the part (0–1) that is counted for the second.
    ``at`` is the number of the place of each candidate at each size (-1: it can't)."""

    at: Numbers
    place: Numbers
    first: Numbers
    second: Numbers
    ms: Array
    later: Array

    def counted(self) -> Array:
        """For each candidate at each size."""
        count = self.at.shape[1]
        found = np.zeros((self._places + 1, count))  # the last is of what can't
        np.add.at(found, (self.place, self.second), self.later * self.ms)
        np.add.at(found, (self.place, self.first), (1 - self.later) * self.ms)
        return np.asarray(found[self.at, np.arange(count)])

    def divided(self, served: Array, step: float) -> Savings:
        """Less is counted for the size of which more is ``served`` at the place, by candidate."""
        there = np.zeros((self._places + 1, self.at.shape[1]))
        np.add.at(there, (self.at, np.arange(self.at.shape[1])[None, :]), served)
        more = there[self.place, self.first] - there[self.place, self.second]
        return replace(self, later=np.clip(self.later + step * more, 0, 1))

    @cached_property
    def _places(self) -> int:
        return int(self.at.max(initial=-1)) + 1


def savings_of(problem: Problem, order: list[int]) -> Savings:
    """Of the candidates of a problem, in this order; half of each is counted for either size."""
    number: dict[tuple[str, Hashable], int] = {}
    at = np.full((len(order), len(problem.shares)), -1)
    dearest: dict[tuple[int, int], float] = {}
    for row, candidate in enumerate(order):
        one = problem.candidates[candidate]
        for size, serving in one.serves.items():
            place = number.setdefault((one.loads, serving.input), len(number))
            at[row, size] = place
            key = place, size
            dearest[key] = max(dearest.get(key, 0.0), one.switch_ms)
    able: dict[int, list[int]] = {}
    for place, size in dearest:
        able.setdefault(place, []).append(size)
    shares = np.zeros((len(problem.shares),) * 2)
    for pair, share in problem.switches.items():
        shares[pair] = share
    nothing = np.empty((0, 3), dtype=np.int64), np.empty(0)
    parts = [nothing] + [
        _at_place(place, np.array(sizes), shares, dearest) for place, sizes in able.items()
    ]
    entries, ms = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Savings(
        at=at,
        place=entries[:, 0],
        first=entries[:, 1],
        second=entries[:, 2],
        ms=ms,
        later=np.full(len(ms), 0.5),
    )


def _at_place(
    place: int, sizes: Numbers, shares: Array, dearest: Mapping[tuple[int, int], float]
) -> tuple[Numbers, Array]:
    """Pairs of sizes that save something at a place, and what it is."""
    ms = shares[np.ix_(sizes, sizes)] * [dearest[place, size] for size in sizes]
    first, second = np.nonzero(ms)
    numbers = [np.full(len(first), place), sizes[first], sizes[second]]
    return np.stack(numbers, axis=1), ms[first, second]
