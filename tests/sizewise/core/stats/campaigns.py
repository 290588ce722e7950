"""What is said of machines whose truth is known, counted.

Each campaign takes a random generator and a number of groups of engines.
"""

from __future__ import annotations

import math

import numpy as np

from sizewise.core.stats.anchored import session_variance
from sizewise.core.stats.estimates import Estimate, difference_of, mean_of
from sizewise.core.trials.rigor import Rigor
from tests.sizewise.core.stats.groups import (
    SWEEP,
    Count,
    all_ratios,
    certain,
    chunks,
    counted,
    within,
)
from tests.sizewise.core.stats.simulated import Machine, simulate


def false_verdicts(
    random: np.random.Generator, *, groups: int, machine: Machine, engines: int = 2
) -> Count:
    """FASTER and SLOWER of identical engines."""
    found = Count()
    for count in chunks(groups):
        log = simulate(random, machine, [0.0] * engines, count=count, schedule=SWEEP).log
        found += counted(certain(all_ratios(log)))
    return found


def called_same(
    random: np.random.Generator, *, groups: int, machine: Machine, rigor: Rigor
) -> Count:
    """SAME of two identical engines."""
    found = Count()
    for count in chunks(groups):
        log = simulate(random, machine, [0.0, 0.0], count=count, schedule=SWEEP).log
        (one,) = all_ratios(log)
        found += counted(within(one, rigor.log_margin) & ~certain([one])[..., 0])
    return found


def found_slower(
    random: np.random.Generator, *, groups: int, machine: Machine, planted: float, engines: int = 2
) -> Count:
    """SLOWER of an engine that takes the share ``planted`` more than the others of its group."""
    effects = [math.log1p(planted)] + [0.0] * (engines - 1)
    found = Count()
    for count in chunks(groups):
        log = simulate(random, machine, effects, count=count, schedule=SWEEP).log
        ratios = all_ratios(log)
        slower = np.stack([one.point > 0 for one in ratios], axis=-1) & certain(ratios)
        found += counted(slower[..., : engines - 1])
    return found


def across_runs(
    random: np.random.Generator,
    *,
    groups: int,
    machine: Machine,
    planted: float = 0.0,
    session: float = 0.02,
) -> Count:
    """SLOWER of an engine that takes the share ``planted`` more than another that another run
    measured; without it, SLOWER and FASTER. Each had the anchor beside it; a run changes each
    engine by ``session`` (standard deviation) and leaves the anchor."""
    found = Count()
    for count in chunks(groups):
        mine, theirs = (
            _over_anchor(random, machine, effect, session, count)
            for effect in (math.log1p(planted), 0.0)
        )
        tied = difference_of(mine, theirs, session_variance([0], [1]))
        sure = certain([tied])[..., 0]
        found += counted(sure & (tied.point > 0) if planted else sure)
    return found


def _over_anchor(
    random: np.random.Generator, machine: Machine, effect: float, session: float, count: int
) -> Estimate:
    log = simulate(random, machine, [effect, 0.0], count=count, schedule=SWEEP).log
    luck = random.normal(0, session, size=count)
    return mean_of((log[:, 0] - log[:, 1]).mean(axis=-1) + luck[:, None])
