"""The distribution of the magnitudes of a tensor's values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 2048
"""The number of bins, as in S. Migacz, "8-bit inference with TensorRT" (GTC 2017)."""
_CHUNK = 1 << 16
"""Values counted at a time, so that intermediate results stay in the processor's cache."""


def _not_counted() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Distribution:
    """A histogram of magnitudes.

    ``absmax`` is the largest |x| (0: the tensor is all zeros). ``counts`` [BINS] is the number of
    |x| in each of that many equal bins of [0, absmax]; it is empty where they were not counted.

    ``least`` is the smallest x, or 0 where none is below. ``zeros`` of the first bin are exactly 0.
    Every scale represents those exactly, so they say nothing about which to choose, and after a
    ReLU they outnumber the rest.
    """

    absmax: float
    counts: NDArray[np.int64] = field(default_factory=_not_counted)
    zeros: int = 0
    least: float = 0.0

    @property
    def nonzero(self) -> NDArray[np.int64]:
        """``counts`` without the exact zeros."""
        counts = self.counts.copy()
        counts[0] -= self.zeros
        return counts


def count_magnitudes(values: NDArray[Any], absmax: float) -> NDArray[np.int64]:
    """The number of |values| in each of BINS equal bins of [0, absmax]: int64 [BINS].

    ``absmax`` > 0; a value that rounding puts above it goes into the last bin.
    """
    counts = np.zeros(BINS, np.int64)
    flat = values.ravel()
    for start in range(0, flat.size, _CHUNK):
        shares = np.abs(flat[start : start + _CHUNK]) / flat.dtype.type(absmax)
        bins = np.minimum(shares * BINS, BINS - 1).astype(np.intp)
        counts += np.bincount(bins, minlength=BINS)
    return counts
