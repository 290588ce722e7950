"""All but a fixed share of the values fit; the largest few are clipped."""

from __future__ import annotations

import numpy as np

from exporter.calibration.distribution import Distribution
from exporter.calibration.method import Method

PERCENT = 99.99
"""Of the values that are not 0: with those, how far a ReLU's output reaches would depend on how
often it is silent."""


def percentile_threshold(observed: Distribution, percent: float = PERCENT) -> float:
    """The magnitude that ``percent`` (above 0, to 100) of the values other than 0 do not exceed,
    taking them to lie evenly within a bin."""
    if not observed.absmax:
        return 0.0
    counts = observed.nonzero
    reached = np.cumsum(counts)
    wanted = reached[-1] * percent / 100
    place = int(np.searchsorted(reached, wanted))
    within = 1 - (reached[place] - wanted) / counts[place]
    return float((place + within) / len(counts) * observed.absmax)


METHODS = (Method(name="percentile", needs_histogram=True, threshold=percentile_threshold),)
