"""Whether the anchor is out of line with the rounds before: then the machine itself has changed.

A robust control chart of the logarithms of the anchor's block medians. One round counts against the
running median (bursts), and cumulative sums of the same deviations find what stays (drift; Page,
"Continuous Inspection Schemes", Biometrika 41, 1954).
"""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

LEAST = 0.05
"""Smaller changes of the anchor are never reported."""
_RUNNING, _REMEMBERED = 12, 48
"""Rounds of the running median, and rounds that scatter is known by."""
_FEWEST = 5
"""With fewer rounds since the last change nothing is said: their scatter is not known."""
_DEVIATIONS, _EXTRA = 3.5, 4.0
"""Robust sd that one round may be off, and the share more with few rounds: 1 + 4 / their number,
since a scatter that was found from few values may be far too small."""
_ALLOWED, _LIMIT, _MOST = 1.0, 5.0, 3.0
"""Of the cumulative sums, in robust sd: what a round may deviate for nothing, the sum that is too
much, and the most that one round adds, so that a single burst is no drift."""


class DriftChart:
    """The rounds since the machine last changed.

    A change that stays is reported for some rounds and then met: the chart begins anew, since the
    machine is what it is now. Of undisturbed rounds at most 2 % are reported (the tests simulate
    it).
    """

    def __init__(self) -> None:
        self._begin_anew()

    def _begin_anew(self, *values: float) -> None:
        self._values = list(values)
        self._up = self._down = 0.0

    def add(self, anchor_ns: float) -> bool:
        """Take the anchor's block median in the next round, and say whether it is out of line.

        Disturbed rounds and repeated ones are taken as well, in the order in which they ran; all
        are of one kernel on one machine, of whatever groups and waves.
        """
        value = math.log(anchor_ns)
        known = len(self._values)
        if known < _FEWEST:
            self._values.append(value)
            return False
        deviation = self._deviation(value)
        if stays := self._sums_too_far(deviation):
            self._begin_anew(value)
        else:
            self._values = [*self._values[1 - _REMEMBERED :], value]
        return stays or abs(deviation) > _DEVIATIONS * (1 + _EXTRA / known)

    def _deviation(self, value: float) -> float:
        """From the running median, in robust sd, of which the least is such that ``LEAST`` is no
        alarm."""
        scatter = max(_scatter(self._values), math.log1p(LEAST) / _DEVIATIONS)
        return (value - statistics.median(self._values[-_RUNNING:])) / scatter

    def _sums_too_far(self, deviation: float) -> bool:
        step = max(-_MOST, min(_MOST, deviation))
        self._up = max(0.0, self._up + step - _ALLOWED)
        self._down = max(0.0, self._down - step - _ALLOWED)
        return max(self._up, self._down) > _LIMIT


def _scatter(values: list[float]) -> float:
    """A robust sd, by the differences from round to round: a slow drift is not in it."""
    steps = [abs(after - before) for before, after in pairwise(values)]
    return 1.4826 * statistics.median(steps) / math.sqrt(2)
