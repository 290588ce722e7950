"""Reports of engines of which some are equal and some are not: how many of the differences that a
report names are none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import combinations

import numpy as np

from sizewise.core.stats import FALSE_DISCOVERIES, RIGORS
from sizewise.core.stats.estimates import Estimate
from sizewise.core.trials.rigor import Rigor
from tests.sizewise.core.stats.claim import DRIFTING, MANY, Claim
from tests.sizewise.core.stats.coverage import looks
from tests.sizewise.core.stats.groups import SWEEP, Count, Mask, certain, chunks, counted, ratios_of
from tests.sizewise.core.stats.simulated import Machine, simulate

EFFECTS = (math.log1p(0.10), 0.0, 0.0, 0.0)
"""Of six pairs, three differ by 10 % and three do not."""


def false_among_named(random: np.random.Generator, *, groups: int, machine: Machine) -> Count:
    """Of the differences that are named, those that are none, or that have the wrong sign."""
    found = Count()
    for named, wrong in _reports(random, machine, groups):
        found += Count(hits=int(wrong.sum()), cases=int(named.sum()))
    return found


def reports_with_one(random: np.random.Generator, *, groups: int, machine: Machine) -> Count:
    """Reports that name at least one such difference."""
    found = Count()
    for _, wrong in _reports(random, machine, groups):
        found += counted(np.asarray(wrong.any(axis=-1)))
    return found


def false_when_stopped(
    random: np.random.Generator, *, groups: int, machine: Machine, rigor: Rigor
) -> Count:
    """As :func:`false_among_named`, where measuring ends by itself."""
    found = Count()
    for means, _, stopping in looks(random, machine, rigor, EFFECTS, groups):
        if stopping.any():
            named, wrong = _judged(ratios_of(means[stopping]))
            found += Count(hits=int(wrong.sum()), cases=int(named.sum()))
    return found


def _reports(
    random: np.random.Generator, machine: Machine, groups: int
) -> Iterable[tuple[Mask, Mask]]:
    for count in chunks(groups):
        log = simulate(random, machine, EFFECTS, count=count, schedule=SWEEP).log
        yield _judged(ratios_of(log.mean(axis=-1)))


def _judged(ratios: Sequence[Estimate]) -> tuple[Mask, Mask]:
    """Which pairs [report, pair] are named, and which of them wrongly."""
    truth = [EFFECTS[a] - EFFECTS[b] for a, b in combinations(range(len(EFFECTS)), 2)]
    named = certain(ratios)
    points = np.stack([one.point for one in ratios], axis=-1)
    return named, named & (np.sign(points) != np.sign(truth))


def _claims() -> Iterable[Claim]:
    which = "one of 4 engines takes 10 % more than the others"
    for name, machine in DRIFTING.items():
        where = f"{which}; {name} machine with drift, bursts and process offsets"
        yield Claim(
            name=f"mixed-share-{name}",
            says=f"differences that reports name and that are none; {where}",
            run=partial(false_among_named, machine=machine),
            groups=MANY // 2,
            high=FALSE_DISCOVERIES,
        )
        yield Claim(
            name=f"mixed-reports-{name}",
            says=f"reports that name at least one difference that is none; {where}",
            run=partial(reports_with_one, machine=machine),
            groups=MANY // 2,
            required=False,
        )
    for name in ("quiet", "shared"):
        for rigor in RIGORS.values():
            yield Claim(
                name=f"mixed-stopped-{name}-{rigor.name}",
                says="differences that reports name and that are none when measuring stops by "
                f"itself; {which}; {name} machine with drift, {rigor.name}",
                run=partial(false_when_stopped, machine=DRIFTING[name], rigor=rigor),
                groups=MANY // 4,
                high=FALSE_DISCOVERIES,
            )


MIXED_CLAIMS = tuple(_claims())
