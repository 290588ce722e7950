"""Ranked outputs: rows sorted by a score, such as the best of a TopK.

Rows of equal scores may stand in either order: libraries sort by other algorithms, and scores that
differ by rounding alone change places. So where the rows of an output are sorted, those whose
scores tie within the tolerance are put into the order of the module's before they are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Outputs = Mapping[str, Array]

_MOST_TIED = 2000
"""Rows that may be paired; an assignment of more takes minutes."""
_MOST_COLUMNS = 16
"""A row that holds a score among other values has no more; wider ones are scores of classes."""
_TIED = 2.0
"""Scores tie where they differ by no more tolerances: each side may be off by one."""
_FAR, _NEVER = 1e6, 1e9


def in_the_order_of(
    expected: Outputs, given: Outputs, tolerances: Mapping[str, float]
) -> dict[str, Array]:
    """``given``, with rows that tie put into the order of ``expected``; as it is where no rows are
    sorted. Outputs are [B, N, …] by name, and ``tolerances`` absolute.

    Of rows that tie with the last one, others may have been chosen: those count as equal.
    """
    moved = {name: array.copy() for name, array in given.items()}
    for names in _families(expected, given):
        for image in range(len(expected[names[0]])):
            pairs = [_Pair.of(expected[n][image], given[n][image], tolerances[n]) for n in names]
            places, free = _matched(pairs)
            for name in names:
                moved[name][image] = given[name][image][places]
                moved[name][image][free] = expected[name][image][free]
    return moved


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """One output for one image as rows [N, values] in units of its tolerance."""

    expected: Array
    given: Array

    @classmethod
    def of(cls, expected: Array, given: Array, tolerance: float) -> _Pair:
        flat = [np.reshape(one, (len(one), -1)) / tolerance for one in (expected, given)]
        ours, theirs = (np.nan_to_num(one.astype(np.float64), nan=_NEVER) for one in flat)
        return cls(expected=ours, given=theirs)

    def rankings(self) -> Iterator[tuple[Array, Array]]:
        """What the rows may be sorted by: their largest value, or one column."""
        yield self.expected.max(axis=1), self.given.max(axis=1)
        if self.expected.shape[1] <= _MOST_COLUMNS:
            yield from zip(self.expected.T, self.given.T, strict=True)


def _families(expected: Outputs, given: Outputs) -> Iterator[list[str]]:
    """Outputs whose rows belong together: of as many rows."""
    by_rows: dict[tuple[int, int], list[str]] = {}
    for name, array in expected.items():
        if array.ndim >= 2 and array.shape[1] > 1 and array.shape == given[name].shape:
            by_rows.setdefault((array.shape[0], array.shape[1]), []).append(name)
    yield from by_rows.values()


def _matched(pairs: list[_Pair]) -> tuple[Array, Array]:
    """The place among the given rows of each expected one, and the rows that count as equal."""
    from scipy.optimize import linear_sum_assignment

    rows = len(pairs[0].expected)
    places, free = np.arange(rows), np.zeros(rows, dtype=bool)
    keys = [both for pair in pairs for both in pair.rankings() if _is_sorted(both[0])]
    error = np.max([np.abs(p.expected - p.given).max(axis=1) for p in pairs], axis=0)
    off = np.flatnonzero(error > 1)
    if not keys or not 0 < len(off) <= _MOST_TIED:
        return places, free
    tied, last = np.zeros((len(off), len(off)), dtype=bool), np.zeros(len(off), dtype=bool)
    for ours, theirs in keys:
        tied |= np.abs(ours[off, None] - ours[None, off]) <= _TIED
        last |= np.maximum(np.abs(ours[off] - ours[-1]), np.abs(theirs[off] - ours[-1])) <= _TIED
    distance = _distances(pairs, off)
    found, where = linear_sum_assignment(np.where(tied, np.minimum(distance, _FAR), _NEVER))
    places[off[found]] = off[where]
    free[off[found]] = last[found] & (distance[found, where] > 1)
    return places, free


def _distances(pairs: list[_Pair], rows: Array) -> Array:
    """The largest difference of any value between each expected and each given row."""
    found = np.zeros((len(rows), len(rows)))
    for pair in pairs:
        for ours, theirs in zip(pair.expected[rows].T, pair.given[rows].T, strict=True):
            np.maximum(found, np.abs(ours[:, None] - theirs[None, :]), out=found)
    return found


def _is_sorted(key: Array) -> bool:
    """Descending within the tolerance; a constant is no ranking."""
    return bool(np.all(np.diff(key) <= 1) and key[0] - key[-1] > 1)
