"""Simulated groups of engines, as the functions that results go through take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sizewise.core.stats.estimates import Estimate, half_width, p_value, paired_of
from sizewise.core.stats.intervals import CONFIDENCE
from sizewise.core.stats.verdicts import SAME_CONFIDENCE, significant
from tests.sizewise.core.stats.drift import Array, Schedule

Mask = NDArray[np.bool_]
SWEEP = Schedule()
CHUNK = 1000


@dataclass(frozen=True, kw_only=True)
class Count:
    """``hits`` of ``cases``."""

    hits: int = 0
    cases: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(hits=self.hits + other.hits, cases=self.cases + other.cases)

    @property
    def share(self) -> float:
        return self.hits / self.cases


def counted(mask: Mask) -> Count:
    return Count(hits=int(np.count_nonzero(mask)), cases=mask.size)


def chunks(groups: int) -> Iterator[int]:
    """As many groups, as many at a time as fit into memory with ease."""
    for start in range(0, groups, CHUNK):
        yield min(CHUNK, groups - start)


def all_ratios(log: Array) -> list[Estimate]:
    """Those of all pairs of a group [pair, engine, wave, round], the first engine's first."""
    return ratios_of(log.mean(axis=-1))


def ratios_of(means: Array) -> list[Estimate]:
    """The same, of means by wave [pair, engine, wave]."""
    return [ratio(means, a, b) for a, b in combinations(range(means.shape[1]), 2)]


def ratio(means: Array, a: int, b: int) -> Estimate:
    """Engine ``a`` over ``b``, of means by wave [pair, engine, wave]."""
    others = [engine for engine in range(means.shape[1]) if engine not in (a, b)]
    return paired_of(means[:, a], means[:, b], means[:, others])


def certain(ratios: Sequence[Estimate]) -> Mask:
    """Which are FASTER or SLOWER [pair, ratio]; a report speaks of all of a group."""
    return significant(np.stack([p_value(one) for one in ratios], axis=-1))


def within(one: Estimate, log_margin: float) -> Mask:
    """Whether its interval lies within the margin."""
    return np.asarray(np.abs(one.point) + half_width(one, SAME_CONFIDENCE) < log_margin)


def covers(one: Estimate, truth: Array | float) -> Mask:
    return np.asarray(np.abs(one.point - truth) <= half_width(one, CONFIDENCE))
