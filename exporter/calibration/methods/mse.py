"""Threshold of the least squared error: what is clipped off against what is rounded.

With 127 steps up to a threshold t, rounding errors are spread evenly over a step s, so that each
value of at least s / 2 costs s² / 12. A smaller value x becomes 0 and costs x², one above t costs
(x - t)². Sums over bins are differences of running sums, so no loop over them is needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from exporter.calibration.distribution import Distribution
from exporter.calibration.method import Method

STEPS = 127
"""The largest magnitude of a symmetric int8."""
_TIE = 1e-12

Floats = NDArray[np.float64]


def mse_threshold(observed: Distribution) -> float:
    """The upper edge of the last bin that is not clipped; the largest of equally good ones."""
    if not observed.absmax:
        return 0.0
    errors = squared_errors(observed.nonzero)
    kept = np.flatnonzero(errors <= errors.min() * (1 + _TIE))[-1] + 1
    return float(kept / len(errors) * observed.absmax)


def squared_errors(counts: NDArray[np.int64]) -> Floats:
    """The sum of squared errors with 1, 2, … bins kept, in squares of a bin's width."""
    places = np.arange(len(counts)) + 0.5
    number, values, squares = (_running(counts * places**power) for power in range(3))
    kept = np.arange(1, len(counts) + 1)
    lost = (kept // (2 * STEPS)).astype(np.intp)
    rounded = (number[kept] - number[lost]) * (kept / STEPS) ** 2 / 12
    above = squares[-1] - squares[kept] - 2 * kept * (values[-1] - values[kept])
    clipped = above + kept**2 * (number[-1] - number[kept])
    total: Floats = squares[lost] + rounded + clipped
    return total


def _running(values: Floats) -> Floats:
    """Sums of the first 0, 1, … values."""
    return np.concatenate([[0.0], np.cumsum(values)])


METHODS = (Method(name="mse", needs_histogram=True, threshold=mse_threshold),)
