"""A decision against an accuracy that was measured: what it was expected to be, what it is then,
and the most accurate set there is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from reports.choice.planning.candidates import Use, without_dominated
from reports.choice.planning.curves import curve_key, is_as_measured
from reports.choice.planning.decided import Decided
from reports.choice.planning.deciding import decide
from reports.choice.planning.demand import scale
from reports.choice.planning.optimum.problem import Candidate, Problem
from reports.choice.planning.optimum.solving import solve
from reports.choice.planning.setting import Setting
from sizewise.core.specs import Size
from sizewise.core.specs.plan import MeasuredAccuracy, Place

_ENOUGH = 0.5
"""The share of the traffic from which on a difference is put down to where that runs."""
_EVEN = 1e-9
"""By so much an accuracy may be below its floor: means are rounded."""


def expected_of(decided: Decided, pictures: Mapping[Size, tuple[Place, int]]) -> float:
    """The mean accuracy (0–1) that is expected of ``pictures``, where so many of each size run at
    this place. A picture that becomes smaller than any that was measured counts as the smallest of
    these: less is expected of it than that, so that no measurement looks better than it is."""
    groups = {use.candidate.loads: use.group for use in decided.served}
    setting = decided.setting
    total = sum(count for _, count in pictures.values())
    found = 0.0
    for size, (place, count) in pictures.items():
        curve = setting.curves.of(groups[place.engine])
        side = _side(setting, setting.demand.rule.size_for(size), place.input)
        found += count / total * curve.placed(max(side, min(curve.by_side)), place.input)
    return found


def corrected(decided: Decided, measured: MeasuredAccuracy) -> Decided:
    """The same engines, of whose models in their back ends that is expected which was ``measured``.

    The accuracy over the traffic is what was expected there, and the difference that was measured;
    it is taken for no higher than it was measured, whatever other sizes the traffic has. What makes
    the difference are inputs at which nothing was measured before: it counts at those, as far as
    enough of the traffic runs there.
    """
    before = _accuracy(decided)
    difference = min(before + measured.accuracy - measured.expected, measured.accuracy) - before
    share = sum(
        share
        for number, share in enumerate(decided.setting.demand.shares)
        if _is_elsewhere(decided, number)
    )
    gain = difference / max(share, _ENOUGH)
    keys = {curve_key(use.group.any) for use in decided.served}
    curves = decided.setting.curves.moved(keys, gain, difference - share * gain)
    setting = replace(decided.setting, curves=curves)
    uses = tuple(_read_again(use, setting) for use in decided.uses)
    problem = setting.problem(uses, decided.problem.max_late)
    return replace(decided, setting=setting, uses=uses, problem=problem)


def keeps_floor(decided: Decided) -> bool:
    """Whether its accuracy is the least that there may be, or more."""
    floor = decided.setting.floor
    return floor is None or _accuracy(decided) >= floor - _EVEN


def most_accurate(setting: Setting) -> Decided | None:
    """The fastest of the most accurate sets, whatever the limit on accuracy; None where no set
    keeps to the others. Its bound and its gap are of such sets alone."""
    limits = setting.limits
    uses = without_dominated(setting.uses(limits.max_latency_ms), setting.libraries)
    max_late = None if limits.max_latency_ms is None else limits.max_late
    problem = setting.problem(uses, max_late)
    found = solve(_of_losses(problem))
    if found is None:
        return None
    return _of_least(setting, problem.accuracy(found.served) - _EVEN)


def of_more(setting: Setting, more: float) -> Decided | None:
    """The fastest set that is expected to be so much (0–1) more accurate than the floor; None where
    none keeps to the limits. Its bound and its gap are of such sets alone."""
    return None if setting.floor is None else _of_least(setting, setting.floor + more)


def _of_least(setting: Setting, least: float) -> Decided | None:
    strict = replace(setting.limits, min_ap=least, max_loss_points=None)
    decided = decide(replace(setting, limits=strict))
    if decided is None:
        return None
    problem = replace(decided.problem, min_accuracy=setting.floor)
    return replace(decided, setting=setting, problem=problem)


def _accuracy(decided: Decided) -> float:
    found = decided.prediction.accuracy
    return math.nan if found is None else found


def _of_losses(problem: Problem) -> Problem:
    """The problem of the least loss of accuracy, in place of time."""
    candidates = [_losing(one) for one in problem.candidates]
    return replace(problem, candidates=candidates, switches={}, min_accuracy=None)


def _losing(candidate: Candidate) -> Candidate:
    serves = {n: replace(one, ms=max(0.0, 1 - one.accuracy)) for n, one in candidate.serves.items()}
    return replace(candidate, serves=serves)


def _is_elsewhere(decided: Decided, number: int) -> bool:
    """Whether this size runs at an input at which pictures of its scale were not measured."""
    setting, place = decided.setting, decided.served[number].candidate.serves[number].input
    asked = setting.demand.sizes[number]
    return place is not None and not is_as_measured(_side(setting, asked, place), place)


def _side(setting: Setting, asked: Size, place: Size) -> float:
    """Of the square input in which pictures are as large as at ``place``."""
    return setting.demand.rule.side_px * scale(asked, place)


def _read_again(use: Use, setting: Setting) -> Use:
    """With the accuracies that the setting's curves have now."""
    curve, sizes = setting.curves.of(use.group), setting.demand.sizes
    serves = {
        n: replace(one, accuracy=curve.placed(_side(setting, sizes[n], one.input), one.input))
        for n, one in use.candidate.serves.items()
        if one.input is not None
    }
    return replace(use, candidate=replace(use.candidate, serves=serves))
