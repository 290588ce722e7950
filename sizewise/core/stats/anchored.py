"""Latencies over the anchor's: what ties waves, sizes and runs to each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sizewise.core.stats.clusters import clusters
from sizewise.core.stats.estimates import Array, Estimate, difference_of, mean_of
from sizewise.core.stats.measured import Measured, by_wave

SESSION = 0.02
"""By how much an engine's latency over the anchor's differs from run to run, as a standard
deviation: address layout, page cache and the machine's state differ in ways that one small kernel
does not feel.

It can't be estimated from two runs, so it is a constant. Four runs of the demo, on two days and two
CPUs, gave ratios of two engines that spread by 0.6 %, which is 0.4 % of each engine; other machines
may do worse. With 2 %, a difference of 10 % between two runs is found in 4 cases of 5; with 2.5 %
it would be in 2 of 3."""


@dataclass(frozen=True, kw_only=True)
class OverAnchor:
    """Logarithms of an engine's latency over the anchor's: ``values`` [wave], and each wave's
    number, rebuild and run."""

    values: Array
    waves: tuple[int, ...]
    rebuilds: tuple[int, ...]
    sessions: tuple[int, ...]

    def estimate(self) -> Estimate:
        return mean_of(clusters(self.values, self.rebuilds))


def over_anchor(one: Measured) -> OverAnchor:
    """Of the rounds that have an anchor; ``values`` are empty where none has."""
    keys = [key for key, place in one.keys.items() if not np.isnan(one.log_anchor_ns[place])]
    places = [one.keys[key] for key in keys]
    waves = tuple(dict.fromkeys(wave for wave, _, _ in keys))
    logs = one.log_ns[places] - one.log_anchor_ns[places]
    return OverAnchor(
        values=by_wave(keys, logs) if keys else logs,
        waves=waves,
        rebuilds=tuple(one.rebuilds[wave] for wave in waves),
        sessions=tuple(one.sessions[wave] for wave in waves),
    )


def one_anchor(*both: Measured) -> bool:
    """Whether the same kernel ran beside both: another one ties nothing."""
    return len({block.anchor for one in both for block in one.blocks if block.anchor_ns}) == 1


def anchored_of(ours: OverAnchor, theirs: OverAnchor, *, same_file: bool) -> tuple[Estimate, float]:
    """The logarithm of their ratio, and the variance in it that runs bring."""
    between = session_variance(ours.sessions, theirs.sessions, same_file=same_file)
    return difference_of(ours.estimate(), theirs.estimate(), between), between


def session_variance(
    ours: Sequence[int], theirs: Sequence[int], *, same_file: bool = True
) -> float:
    """What the runs of each wave add to the variance: nothing where both ran in the same ones."""
    mine, others = _shares(ours), _shares(theirs)
    if same_file:
        apart = [mine.get(run, 0) - others.get(run, 0) for run in mine.keys() | others.keys()]
    else:
        apart = [*mine.values(), *others.values()]
    return float(SESSION**2 * sum(share**2 for share in apart))


def _shares(sessions: Sequence[int]) -> Mapping[int, float]:
    return {run: count / len(sessions) for run, count in Counter(sessions).items()}
