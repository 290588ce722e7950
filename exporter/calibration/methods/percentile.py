"""Threshold at a percentile: the largest few values are clipped."""

from __future__ import annotations

import numpy as np

from exporter.calibration.distribution import Distribution
from exporter.calibration.method import Method

PERCENT = 99.99
"""The percentile of the values other than 0. With zeros, the threshold of a ReLU's output would
depend on how often it is 0."""


def percentile_threshold(observed: Distribution, percent: float = PERCENT) -> float:
    """The magnitude within which ``percent`` (above 0, to 100) of the values other than 0 lie.

    Values are taken to be evenly spread within a bin.
    """
    if not observed.absmax:
        return 0.0
    counts = observed.nonzero
    reached = np.cumsum(counts)
    wanted = reached[-1] * percent / 100
    place = int(np.searchsorted(reached, wanted))
    within = 1 - (reached[place] - wanted) / counts[place]
    return float((place + within) / len(counts) * observed.absmax)


METHODS = (Method(name="percentile", needs_histogram=True, threshold=percentile_threshold),)
