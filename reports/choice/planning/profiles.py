"""Profiles of one engine for the sizes that come: where each of them ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reports.choice.planning.demand import Demand, joined
from sizewise.core.specs import Size

_Array = NDArray[np.float64]


def profile_bounds(demand: Demand, count: int) -> tuple[Size, ...]:
    """The largest size of each of ``count`` profiles, or of fewer where the sizes are fewer.

    A profile is tuned for one size, and slower the further another is from it. The pixels between
    what a picture asks for and the median of its profile are the least in the mean (k-medians in
    one dimension, by dynamic programming, so that there is no better). Bounds grow: each holds all
    that the ones before it hold.
    """
    sizes = demand.sizes
    cuts = _cuts(_costs(demand), min(count, len(sizes)))
    return tuple(dict.fromkeys(joined(sizes[:end]) for end in cuts[1:]))


def profile_sizes(demand: Demand, bounds: tuple[Size, ...]) -> tuple[Size, ...]:
    """Sizes that tell engines with such profiles: of each profile its bound, what is the least in
    height and in width, and the median of the pictures."""
    found: dict[Size, None] = {}
    left = list(range(len(demand.sizes)))
    for bound in bounds:
        group = [one for one in left if joined((demand.sizes[one], bound)) == bound]
        left = [one for one in left if one not in group]
        sizes = [demand.sizes[one] for one in group]
        least = min(sizes, key=lambda one: one.height), min(sizes, key=lambda one: one.width)
        middle = sizes[_median([demand.shares[one] for one in group])]
        found |= dict.fromkeys((*least, middle, bound))
    return tuple(sorted(found, key=lambda one: (one.pixels, one)))


def _costs(demand: Demand) -> _Array:
    """By the first size and the last: what lies between the pictures of these and their median."""
    pixels = np.array([size.pixels for size in demand.sizes], np.float64)
    shares = np.array(demand.shares)
    costs = np.zeros((len(pixels), len(pixels)))
    for first in range(len(pixels)):
        for last in range(first, len(pixels)):
            part = slice(first, last + 1)
            middle = first + _median(shares[part])
            costs[first, last] = float(shares[part] @ np.abs(pixels[part] - pixels[middle]))
    return costs


def _median(shares: _Array | list[float]) -> int:
    below = np.cumsum(shares)
    return int(np.searchsorted(below, below[-1] / 2))


def _cuts(costs: _Array, count: int) -> list[int]:
    """Where each of ``count`` groups begins, and the end."""
    total = len(costs)
    least = np.full((count + 1, total + 1), np.inf)
    begins = np.zeros((count + 1, total + 1), int)
    least[0, 0] = 0.0
    for groups in range(1, count + 1):
        for end in range(groups, total + 1):
            known = [least[groups - 1, start] + costs[start, end - 1] for start in range(end)]
            begins[groups, end] = int(np.argmin(known))
            least[groups, end] = min(known)
    cuts = [total]
    for groups in range(count, 0, -1):
        cuts.append(int(begins[groups, cuts[-1]]))
    return cuts[::-1]
