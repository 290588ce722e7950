"""How often 95 % intervals hold the truth, when waves are used up and when measuring stops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sizewise.core.stats.estimates import half_width, mean_of
from sizewise.core.stats.intervals import CONFIDENCE
from sizewise.core.trials.rigor import Rigor
from tests.sizewise.core.stats.drift import Array, Schedule
from tests.sizewise.core.stats.groups import (
    SWEEP,
    Count,
    Mask,
    certain,
    chunks,
    counted,
    covers,
    ratio,
)
from tests.sizewise.core.stats.simulated import Machine, simulate


def covered_ratios(
    random: np.random.Generator,
    *,
    groups: int,
    machine: Machine,
    schedule: Schedule = SWEEP,
    engines: int = 2,
    noise: Sequence[float] | None = None,
) -> Count:
    """95 % intervals of the ratio of a group's first two engines that hold the truth."""
    effects = [0.1 * number for number in range(engines)]
    found = Count()
    for count in chunks(groups):
        log = simulate(random, machine, effects, count=count, schedule=schedule, noise=noise).log
        found += counted(covers(ratio(log.mean(axis=-1), 0, 1), effects[0] - effects[1]))
    return found


def covered_latencies(
    random: np.random.Generator, *, groups: int, machine: Machine, schedule: Schedule
) -> Count:
    """95 % intervals of a latency that hold its mean over the sweep."""
    found = Count()
    for count in chunks(groups):
        simulated = simulate(random, machine, [0.0] * 4, count=count, schedule=schedule)
        row = mean_of(simulated.log[:, 0].mean(axis=-1))
        found += counted(covers(row, simulated.drift))
    return found


def covered_when_stopped(
    random: np.random.Generator, *, groups: int, machine: Machine, rigor: Rigor
) -> Count:
    """95 % intervals of ratios to the fastest of 4 that hold the truth when measuring stops."""
    found = Count()
    for means, _, stopping in looks(random, machine, rigor, (0.0, 0.2, 0.3, 0.4), groups):
        for other, effect in ((1, 0.2), (2, 0.3), (3, 0.4)):
            found += counted(covers(ratio(means, other, 0), effect)[stopping])
    return found


def stopped_in_time(
    random: np.random.Generator, *, groups: int, machine: Machine, rigor: Rigor
) -> Count:
    """Groups of 4 that reach the rigor's width before its waves are used up."""
    found = looks(random, machine, rigor, (0.0, 0.2, 0.3, 0.4), groups)
    return Count(hits=sum(int(narrow.sum()) for _, narrow, _ in found), cases=groups)


def false_when_stopped(
    random: np.random.Generator, *, groups: int, machine: Machine, rigor: Rigor
) -> Count:
    """FASTER and SLOWER of two identical engines when measuring stops."""
    found = Count()
    for means, _, stopping in looks(random, machine, rigor, (0.0, 0.0), groups):
        found += counted(certain([ratio(means, 1, 0)])[stopping])
    return found


def looks(
    random: np.random.Generator,
    machine: Machine,
    rigor: Rigor,
    effects: Sequence[float],
    groups: int,
) -> Iterator[tuple[Array, Mask, Mask]]:
    """After each wave: means by wave [group, engine, wave] until then, the groups that are narrow
    enough now and were not before, and those that stop for that or for want of waves."""
    schedule = Schedule(waves=rigor.max_waves)
    for count in chunks(groups):
        means = simulate(random, machine, effects, count=count, schedule=schedule).log.mean(-1)
        going = np.ones(count, dtype=bool)
        for waves in range(rigor.min_waves, rigor.max_waves + 1):
            until = means[..., :waves]
            narrow = going & (_widest(until) <= rigor.half_width)
            yield until, narrow, going if waves == rigor.max_waves else narrow
            going = going & ~narrow


def _widest(means: Array) -> Array:
    """Half the widest interval of the ratios to the first engine, as a share."""
    halves = [half_width(ratio(means, other, 0), CONFIDENCE) for other in range(1, means.shape[1])]
    return np.asarray(np.expm1(np.max(halves, axis=0)))
