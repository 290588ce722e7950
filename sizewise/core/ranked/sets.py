"""Ranked outputs of graphs that differ by more than rounding: in another precision, say.

Rows sorted by a score change places where scores are closer than the precision moves them. No
tolerance says how far that is, so it is taken from the outputs: both sides are sorted, and where no
score moved by more than some amount, those at one place differ by no more than that. Rows are then
compared with the ones that they are closest to among those within reach
(``sizewise.core.ranked.rows`` does so within a tolerance).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Outputs = Mapping[str, Array]

_FEWEST, _MOST = 4, 2000
"""Rows that may be paired. Fewer are sorted by chance, and more take minutes."""
_WIDEST = 4096
"""Values of a row; wider ones are maps."""
_NARROW = 16
"""Values of a row that may hold its score among others; a wider one holds scores of classes."""
_ROUNDING = 1e-6
"""Share of the largest score by which sorted scores may rise."""
_REACH, _LEAST_REACH = 4.0, 2.0**-12
"""How far apart the scores of rows that changed places may be, in what scores at one place differ
by: where many are close, that is less than they moved. At least this share of the largest score."""
_LOST, _SAME = 8.0, 1e-6
"""A row is not found again where it is further from its match than so many times the median row, or
than rounding."""
_FAR, _NEVER = 1e6, 1e9


def as_sets(expected: Outputs, given: Outputs) -> dict[str, Array]:
    """``given``, with rows of sorted outputs at the places of the expected ones that they are
    closest to; outputs that are not sorted stay as they are. All are [B, N, …] by name.

    A column that is sorted keeps its order, so that scores are compared best with best. Near the
    last row, others may have been chosen: where an expected row is not found again there, all but
    its score counts as equal.
    """
    moved = dict(given)
    for names in _tables(expected, given):
        copies = {name: given[name].copy() for name in names}
        for image in range(len(expected[names[0]])):
            rows = [_Rows.of(expected[name][image], given[name][image]) for name in names]
            keys = [key for one in rows for key in one.rankings()]
            if keys and all(one.is_finite() for one in rows):
                for name, table in zip(names, _matched(rows, keys), strict=True):
                    copies[name][image] = table.reshape(copies[name][image].shape)
        moved |= copies
    return moved


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """One output for one image, as rows [N, values] in float64."""

    expected: Array
    given: Array

    @classmethod
    def of(cls, expected: Array, given: Array) -> _Rows:
        both = (expected, given)
        ours, theirs = (np.reshape(one, (len(one), -1)).astype(np.float64) for one in both)
        return cls(expected=ours, given=theirs)

    def is_finite(self) -> bool:
        return bool(np.isfinite(self.expected).all() and np.isfinite(self.given).all())

    def rankings(self) -> Iterator[_Key]:
        """What the expected rows are sorted by: single columns, or their largest values."""
        width = self.expected.shape[1]
        for column in range(width if width <= _NARROW else 0):
            ours, theirs = self.expected[:, column], self.given[:, column]
            if _is_sorted(ours):
                yield _Key(rows=self, column=column, expected=ours, given=theirs)
        ours, theirs = self.expected.max(axis=1), self.given.max(axis=1)
        if width > 1 and _is_sorted(ours):
            yield _Key(rows=self, column=None, expected=ours, given=theirs)

    def distances(self) -> Array:
        """The mean square difference of each expected row and each given one, [N, N], as a share of
        the expected values' mean square."""
        scale = np.sqrt(np.square(self.expected).sum() / len(self.expected)) or 1.0
        ours, theirs = self.expected / scale, self.given / scale
        squares = np.square(ours).sum(axis=1)[:, None] + np.square(theirs).sum(axis=1)[None, :]
        shares: Array = np.maximum(squares - 2 * ours @ theirs.T, 0.0)
        return shares


@dataclass(frozen=True, kw_only=True, eq=False)
class _Key:
    """The scores that rows are sorted by: a column of an output, or the largest of each row."""

    rows: _Rows
    column: int | None
    expected: Array
    given: Array

    @property
    def reach(self) -> float:
        moved = np.abs(self.expected - self.given).max()
        return float(max(_REACH * moved, _LEAST_REACH * np.abs(self.expected).max()))

    def ties(self) -> Array:
        """Whether each expected row and each given one may be the same, [N, N]."""
        off = np.abs(self.expected[:, None] - self.given[None, :])
        near: Array = off <= self.reach
        return near

    def near_the_end(self, places: Array) -> Array:
        """Whether each expected row and the given one at its place may be out of the choice."""
        last = self.expected[-1]
        off = np.maximum(np.abs(self.expected - last), np.abs(self.given[places] - last))
        near: Array = off <= self.reach
        return near

    def keep(self, table: Array, lost: Array) -> None:
        """Put the given scores into ``table`` in their own order; those of rows of several scores
        where the row is ``lost``."""
        if self.column is not None:
            table[:, self.column] = self.given
        else:
            best = self.rows.expected[lost].argmax(axis=1)
            table[np.flatnonzero(lost), best] = self.given[lost]


def _tables(expected: Outputs, given: Outputs) -> Iterator[list[str]]:
    """Outputs whose rows belong together: of as many rows."""
    by_rows: dict[tuple[int, int], list[str]] = {}
    for name in (name for name in expected if name in given):
        ours, theirs = expected[name], given[name]
        if ours.ndim < 2 or ours.shape != theirs.shape or not ours.size:
            continue
        numbers = all(one.dtype.kind in "fiub" for one in (ours, theirs))
        if numbers and _FEWEST <= ours.shape[1] <= _MOST and ours[0, 0].size <= _WIDEST:
            by_rows.setdefault((ours.shape[0], ours.shape[1]), []).append(name)
    yield from by_rows.values()


def _matched(rows: Sequence[_Rows], keys: Sequence[_Key]) -> Iterator[Array]:
    """The given rows of each output at the places of the expected ones."""
    from scipy.optimize import linear_sum_assignment

    tied = np.any([key.ties() for key in keys], axis=0)
    distance = np.minimum(np.sqrt(sum(one.distances() for one in rows)), _FAR)
    _, places = linear_sum_assignment(np.where(tied, distance, _NEVER))
    off = distance[np.arange(len(places)), places]
    lost = off > _LOST * max(float(np.median(off)), _SAME)
    lost &= np.any([key.near_the_end(places) for key in keys], axis=0)
    for one in rows:
        table = one.given[places]
        table[lost] = one.expected[lost]
        for key in keys:
            if key.rows is one:
                key.keep(table, lost)
        yield table


def _is_sorted(scores: Array) -> bool:
    """Whether scores fall; a constant is no ranking."""
    rounding = _ROUNDING * np.abs(scores).max()
    return bool(np.all(np.diff(scores) <= rounding) and scores[0] - scores[-1] > rounding)
