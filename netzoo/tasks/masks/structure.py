"""S-measure and E-measure of a mask: how alike its structure is to the truth, not only its pixels.

Probabilities are taken as they are. (Programs of the papers stretch each picture's to 0–1 first,
which no engine in use does.) Pixels that do not count are left out of every sum.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Shares = NDArray[np.float64]
Where = NDArray[np.bool_]

_LEVELS = 256
"""Thresholds of the E-measure: those of a picture of 8 bits."""
_LEAST = float(np.spacing(1.0))


def s_measure(probable: Shares, there: Where, counted: Where | None = None) -> float:
    """The S-measure, 0–1 (Fan et al. 2017, Structure-measure, with α = 0.5): the mean of what it
    says of objects and background (§3.2) and of four regions around the objects' centre (§3.1).

    ``probable`` [H, W] 0–1 is of objects, ``there`` [H, W] their truth; ``counted`` are the pixels
    that count, None for all. Without any object, or without background, it is the mean probability
    of what is there (§3.3). 1 where no pixel counts.
    """
    if counted is not None:
        there = there & counted
    whole = _Sums.of(probable, there, counted)
    if not whole.pixels:
        return 1.0
    share = whole.objects / whole.pixels
    if share in (0, 1):
        return whole.found / whole.pixels if share else 1 - whole.found / whole.pixels
    elsewhere = ~there if counted is None else counted & ~there
    objects = share * _object_score(probable[there])
    background = (1 - share) * _object_score(1 - probable[elsewhere])
    regions = _region_score(probable, there, counted)
    return max(0.0, (objects + background + regions / whole.pixels) / 2)


def _object_score(likely: Shares) -> float:
    """Equation 6: high where the probabilities of what is there are high, and all alike."""
    mean, spread = likely.mean(), likely.std(ddof=1) if likely.size > 1 else 0.0
    return float(2 * mean / (mean**2 + 1 + spread + _LEAST))


def _region_score(probable: Shares, there: Where, counted: Where | None) -> float:
    """The similarity of four regions, each times its pixels."""
    by_row, by_column = there.sum(1), there.sum(0)
    # The row and the column of the centre belong to the regions above and left of it.
    row, column = (_centre(counts) + 1 for counts in (by_row, by_column))
    total = 0.0
    for area in product((slice(row), slice(row, None)), (slice(column), slice(column, None))):
        sums = _Sums.of(probable[area], there[area], None if counted is None else counted[area])
        total += sums.pixels * sums.similarity() if sums.pixels else 0.0
    return total


def _centre(counts: NDArray[np.int64]) -> int:
    return int(np.rint(counts @ np.arange(len(counts)) / counts.sum()))


class _Sums(NamedTuple):
    """Sums over the pixels of a region: of the probabilities, of their squares, and of those where
    objects are; and the least and the largest probability."""

    pixels: int
    objects: int
    found: float
    squares: float
    common: float
    least: float
    most: float

    @classmethod
    def of(cls, probable: Shares, there: Where, counted: Where | None) -> _Sums:
        if counted is not None:
            probable, there = probable[counted], there[counted]
        flat = probable.ravel()
        return cls(
            pixels=there.size,
            objects=int(np.count_nonzero(there)),
            found=float(flat.sum()),
            squares=float(flat @ flat),
            common=float(flat @ there.ravel()),
            least=float(flat.min(initial=1)),
            most=float(flat.max(initial=0)),
        )

    def similarity(self) -> float:
        """SSIM over the whole region (Wang et al. 2004), without its constants; where all of it is
        object or background, whether the probabilities are all alike."""
        x, y = self.found / self.pixels, self.objects / self.pixels
        if self.objects in (0, self.pixels):
            return float(self.least == self.most)
        freedom = max(1, self.pixels - 1)
        spread = (self.squares - self.found * x + self.objects * (1 - y)) / freedom
        common = (self.common - self.found * y) / freedom
        return 4 * x * y * common / ((x**2 + y**2) * spread + _LEAST)


def e_measure(probable: Shares, there: Where) -> float:
    """The mean E-measure, 0–1, over 256 thresholds (Fan et al. 2018, Enhanced-alignment measure).

    ``probable`` 0–1 and the truth ``there`` are of all pixels that count, in any shape. The mean is
    over the pixels, as in equation 5; programs divide by one pixel less. 1 where no pixel counts.
    """
    pixels = there.size
    if not pixels:
        return 1.0
    levels = (probable * (_LEVELS - 1)).astype(np.int64) + _LEVELS * there
    rest, found = np.bincount(levels.ravel(), minlength=2 * _LEVELS).reshape(2, _LEVELS)
    false_alarms, hits = _above(rest), _above(found)
    objects = int(hits[0])
    if objects in (0, pixels):
        right = hits if objects else pixels - false_alarms
        return float(right.mean() / pixels)
    there_less = np.array([1.0, 0.0]) - objects / pixels
    found_less = np.array([1.0, 0.0])[:, None] - (hits + false_alarms) / pixels
    total = np.zeros(_LEVELS)
    for counts, of_found, of_there in (
        (hits, found_less[0], there_less[0]),
        (false_alarms, found_less[0], there_less[1]),
        (objects - hits, found_less[1], there_less[0]),
        (pixels - objects - false_alarms, found_less[1], there_less[1]),
    ):
        alignment = 2 * of_found * of_there / (of_found**2 + of_there**2 + _LEAST)
        total += counts * np.square(alignment + 1) / 4
    return float(total.mean() / pixels)


def _above(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many are at or above each of the levels [256]."""
    above: NDArray[np.int64] = counts[::-1].cumsum()[::-1]
    return above
