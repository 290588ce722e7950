"""Change points: where the level of a line changed for good."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from reports.history.series import Line, Moment

LEAST = 2
"""Files on each side of a change: one is an outlier, not a level."""
_PENALTY = 3.0
"""Times log(n) of the noise's variance: as much as a change has to explain (Yao, Statistics and
Probability Letters 6, 1988, has 2; files are few, so a little more)."""
_NOISE = 0.005
"""The least noise that is assumed: no machine repeats itself more exactly from day to day."""
_MAD = 1.4826


@dataclass(frozen=True, kw_only=True)
class Change:
    """The first moment of a new level, and that level over the one before."""

    line: Line
    at: Moment
    before: Moment
    ratio: float


def changes_of(line: Line, margin: float) -> Iterator[Change]:
    """Where the level changed by more than ``margin``, by PELT on logarithms (Killick et al.,
    Journal of the American Statistical Association 107, 2012)."""
    raw = np.log([moment.ms for moment in line.moments])
    if len(raw) < 2 * LEAST:
        return
    values = _without_outliers(raw)
    levels = pairwise([0, *_ends(values)])
    for (start, end), (_, after) in pairwise(levels):
        step = float(values[end:after].mean() - values[start:end].mean())
        if abs(step) > math.log1p(margin):
            moments = line.moments
            yield Change(line=line, at=moments[end], before=moments[end - 1], ratio=math.exp(step))


def _without_outliers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median of each value and its two neighbours: a file by itself moves no level, and a step
    stays where it is."""
    padded = np.concatenate((values[:1], values, values[-1:]))
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1)


def _ends(values: NDArray[np.float64]) -> list[int]:
    """The end of each level; the last is the number of values."""
    import ruptures

    noise = max(_NOISE, _noise(values))
    penalty = _PENALTY * math.log(len(values)) * noise**2
    search = ruptures.Pelt(model="l2", min_size=LEAST, jump=1).fit(values[:, None])
    return [int(end) for end in search.predict(pen=penalty)]


def _noise(values: NDArray[np.float64]) -> float:
    """From differences of neighbours, which a change of level hardly moves."""
    steps = [abs(b - a) for a, b in pairwise(values.tolist())]
    return _MAD * float(statistics.median(steps)) / math.sqrt(2)
