"""Threshold that changes the distribution least, by Kullback–Leibler divergence.

After S. Migacz, "8-bit inference with TensorRT" (GTC 2017): a candidate keeps the first m of the
histogram's bins. P is those bins, with what is clipped added to the last; Q is those bins merged
into 128 levels, each spread evenly again over its bins that are not empty. The candidate with the
least divergence of Q from P wins.

All sums within a level are differences of running sums, so no loop over bins is needed:
with h the counts, S a level's sum and M its number of bins that are not empty, Σ h log Q over a
level is S log(S / M).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from exporter.calibration.distribution import Distribution
from exporter.calibration.method import Method

LEVELS = 128
"""The magnitudes of a symmetric int8."""
_EMPTY = 1e-4
"""The count that Q has for an empty last bin into which P clips values. With 0 the divergence would
be infinite, and one far outlier would rule out every threshold below it."""
_TIE = 1e-12

Floats = NDArray[np.float64]


def entropy_threshold(observed: Distribution) -> float:
    """The upper edge of the last bin kept; the largest of equally good thresholds."""
    if not observed.absmax:
        return 0.0
    counts = observed.nonzero.astype(np.float64)
    candidates, found = divergences(counts)
    best = np.flatnonzero(found <= found.min() + _TIE)[-1]
    return float(candidates[best] / len(counts) * observed.absmax)


def divergences(counts: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The divergence in nats for each number of bins kept, from LEVELS to all.

    Infinite where nothing is kept. ``counts`` [bins], the last of them not 0.
    """
    kept = np.arange(LEVELS, len(counts) + 1)
    inside = _running(counts)[kept]
    clipped = counts.sum() - inside
    last = counts[kept - 1]
    own = _running(_x_log_x(counts))[kept] - _x_log_x(last) + _x_log_x(last + clipped)
    merged, last_level = _merge(counts, kept)
    cross = merged + clipped * np.log(np.where(last > 0, last_level, _EMPTY))
    spread = np.where(last > 0, inside, inside + _EMPTY)
    found = (own - cross) / counts.sum() + np.log(spread / counts.sum())
    return kept, np.where(inside > 0, found, np.inf)


def _merge(counts: Floats, kept: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Σ h log Q over the bins kept, and Q of the last level, for each candidate (in counts)."""
    # Level k takes the bins from ceil(k · kept / LEVELS) on, so that all are as wide as can be.
    edges = -(-np.arange(LEVELS + 1) * kept[:, np.newaxis] // LEVELS)
    sums = np.diff(_running(counts)[edges])
    filled = np.diff(_running(counts > 0)[edges])
    spread = np.divide(sums, filled, out=np.ones_like(sums), where=filled > 0)
    return (sums * np.log(spread)).sum(axis=1), spread[:, -1]


def _running(values: NDArray[np.float64] | NDArray[np.bool_]) -> Floats:
    """Sums of the first 0, 1, … values."""
    return np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])


def _x_log_x(values: Floats) -> Floats:
    return values * np.log(np.where(values > 0, values, 1))


METHODS = (Method(name="entropy", needs_histogram=True, threshold=entropy_threshold),)
