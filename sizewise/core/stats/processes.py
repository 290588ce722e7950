"""Figures that each process has one of, such as its first call: their mean, and ratios of two."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np

from sizewise.core.stats.clusters import clusters
from sizewise.core.stats.counting import counted_of
from sizewise.core.stats.disturbing import FEW_PROCESSES
from sizewise.core.stats.estimates import Array, Estimate, half_width, mean_of
from sizewise.core.stats.intervals import CONFIDENCE, Interval
from sizewise.core.stats.ratios import Ratio, ratio_of

ByWave = Mapping[int, float]
"""A positive figure of the process of each wave."""
Rebuilds = Mapping[int, int]
"""The build of each wave; waves that are not there are of the first."""


def process_mean(
    figures: ByWave, rebuilds: Rebuilds, disturbed: Collection[int] = ()
) -> Interval | None:
    """The geometric mean of ``figures`` over processes, with its 95 % interval by Student's t where
    there are ``FEW_PROCESSES`` or more; None of no figures.

    Where builds differ they are the clusters, as for latencies. And as for latencies, those of
    ``disturbed`` waves are left out where there are enough others.
    """
    if not figures:
        return None
    waves = tuple(counted_of(tuple(figures), disturbed))
    one = _mean(_logs(figures, waves), waves, rebuilds)
    few = len(waves) < FEW_PROCESSES
    half = None if few else float(half_width(one, CONFIDENCE))
    return Interval.around(float(one.point), half).exponential()


def process_ratio(
    ours: ByWave,
    theirs: ByWave,
    rebuilds: Rebuilds,
    disturbed: Collection[int] = (),
    *,
    crowded: bool = False,
) -> Ratio:
    """Our figures over theirs, both of which have one at least.

    It is known from the waves that both have: what slowed down a wave is in both. With fewer than
    ``FEW_PROCESSES`` of these there is no interval, and so no verdict. ``disturbed`` waves are left
    out where there are enough others; else they mark the ratio. ``crowded`` is the ratio's.
    """
    common = tuple(counted_of([wave for wave in ours if wave in theirs], disturbed))
    marked = any(wave in disturbed for wave in common)
    if len(common) < FEW_PROCESSES:
        logs = [float(_logs(figures, tuple(figures)).mean()) for figures in (ours, theirs)]
        ratio = math.exp(logs[0] - logs[1])
        return Ratio(ratio=ratio, waves=len(common), disturbed=marked)
    differences = _logs(ours, common) - _logs(theirs, common)
    estimate = _mean(differences, common, rebuilds)
    return ratio_of(
        estimate,
        "together",
        waves=len(common),
        shared=0.0,
        disturbed=marked,
        crowded=crowded,
    )


def _logs(figures: ByWave, waves: tuple[int, ...]) -> Array:
    return np.log(np.array([figures[wave] for wave in waves], dtype=np.float64))


def _mean(logs: Array, waves: tuple[int, ...], rebuilds: Rebuilds) -> Estimate:
    return mean_of(clusters(logs, [rebuilds.get(wave, 0) for wave in waves]))
