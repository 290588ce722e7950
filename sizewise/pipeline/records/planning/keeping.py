"""A set of engines that keeps to the limit on accuracy as measured: decide, measure, correct,
decide again."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from reports.choice.planning.correcting import keeps_floor, most_accurate, of_more
from reports.choice.planning.decided import Decided
from reports.choice.planning.deciding import decide
from reports.choice.planning.setting import POINT, Setting
from reports.text.words import counted, listed
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import Reporter
from sizewise.core.specs.plan import MeasuredAccuracy
from sizewise.pipeline.records.planning.streaming import Replayed

_SHOWN, _EQUAL = 4, 5e-4
TRIES = 5
"""Sets whose accuracy is measured, at the most."""
_ENOUGH = 3
"""Where one of them keeps to the floor."""


@dataclass(frozen=True, kw_only=True)
class Rated:
    """A set of engines, of which that accuracy is expected that was ``measured``."""

    decided: Decided
    measured: MeasuredAccuracy
    replayed: Replayed | None = None

    @property
    def accuracy(self) -> float:
        """Over the traffic."""
        known = self.decided.prediction.accuracy
        return math.nan if known is None else known


def kept(
    first: Decided,
    rate: Callable[[Decided, bool], Rated],
    reporter: Reporter,
    compare: Callable[[Sequence[Rated]], Sequence[Rated]] = list,
) -> Rated:
    """The best set that was found to keep to the floor: ``first``, or one that is decided with what
    ``rate`` measured of those before it. The last that is tried is the most accurate there is; of
    the others, ``rate`` is told that it may take a faster set in their place. ``compare`` may
    measure those that keep to the floor once more, beside each other.

    Raises UsageError where none of them does, and as ``rate`` and ``compare``.
    """
    rated: list[tuple[Rated, Decided | None]] = []
    seen: set[Hashable] = set()
    turn: Decided | None = first
    may_change = True
    while turn is not None and _places(turn) not in seen and len(rated) < TRIES:
        try:
            one = rate(turn, may_change)
        except UsageError:  # measured together, they take more memory than there may be
            if not rated:
                raise
            break
        seen |= {_places(turn), _places(one.decided)}
        again = decide(one.decided.setting)
        rated.append((one, again))
        if not keeps_floor(one.decided):
            reporter.remark(_broken(one))
        turn, may_change = _next(rated, again, seen)
    held = [pair for pair in rated if keeps_floor(pair[0].decided)]
    if not held:
        raise _none_holds([one for one, _ in rated])
    compared = compare([one for one, _ in held])
    best = min(compared, key=lambda one: one.decided.objective_ms)
    known = {id(one): again for one, again in held}
    again = known[id(best)] if id(best) in known else decide(best.decided.setting)
    decided = best.decided
    if again is not None:
        is_same = _places(again) == _places(decided)
        decided = again if is_same else decided.bounded(again.bound)
    return Rated(decided=decided, measured=best.measured, replayed=best.replayed)


def _next(
    rated: Sequence[tuple[Rated, Decided | None]], again: Decided | None, seen: set[Hashable]
) -> tuple[Decided | None, bool]:
    """The next set to try, and whether a faster one may stand in its place: that which is decided
    ``again`` with what was measured, if it is new. Where nothing kept to the floor and that would
    not either, more than the floor is asked for, by what was missing and the more the longer it
    takes; and the most accurate set in the end."""
    one = rated[-1][0].decided
    is_new = again is not None and _places(again) not in seen
    if any(keeps_floor(before.decided) for before, _ in rated):
        return (again if is_new and len(rated) < _ENOUGH else None), True
    if len(rated) == 1 and is_new:
        return again, True
    if len(rated) < TRIES - 1:
        short = max(_short(before) for before, _ in rated)
        stricter = of_more(one.setting, len(rated) * short)
        if stricter is not None and _places(stricter) not in seen:
            return stricter, False
    return most_accurate(one.setting), False


def _short(one: Rated) -> float:
    """What is missing to the floor."""
    floor = one.decided.setting.floor
    return 0.0 if floor is None else floor - one.accuracy


def _places(decided: Decided) -> Hashable:
    """Equal in sets that run all sizes at the same places."""
    return tuple(
        (use.candidate.loads, use.candidate.serves[number].input)
        for number, use in enumerate(decided.served)
    )


def _broken(one: Rated) -> str:
    return f"{_told(one)}: at least {one.decided.setting.floor:.3f} is wanted."


def _told(one: Rated) -> str:
    found = one.measured
    engines = counted(len(one.decided.engines), "engine")
    text = (
        f"{engines} ({listed(one.decided.engines, most=_SHOWN)}): {_metric(one.decided.setting)} "
        f"{found.accuracy:.3f}, where {found.expected:.3f} was expected"
    )
    if abs(one.accuracy - found.accuracy) < _EQUAL:
        return text
    return f"{text}, which is {one.accuracy:.3f} over the sizes that come"


def _none_holds(rated: Sequence[Rated]) -> UsageError:
    """What was measured, and how far the limit would have to be loosened."""
    setting = rated[0].decided.setting
    images = counted(rated[0].measured.images, "image")
    found = "; ".join(map(_told, rated))
    return UsageError(
        "No set of engines was found that keeps to the limit on accuracy, "
        f"{_metric(setting)} {setting.floor:.3f}",
        f"measured on {images} of {rated[0].measured.data}, each at its own size: {found}",
        " ".join(_what_to_do(setting, max(one.accuracy for one in rated))),
    )


def _what_to_do(setting: Setting, best: float) -> Iterator[str]:
    if setting.limits.min_ap is not None:
        yield f"Give {spelled('min_ap')} {math.floor(1000 * best) / 1000:.3f} or less,"
    else:
        loss = math.ceil(10 * (setting.best_accuracy - best) / POINT) / 10
        yield f"Give {spelled('max_loss_points')} {loss:.1f} or more,"
    yield "or measure larger inputs or more accurate models."


def _metric(setting: Setting) -> str:
    metric = setting.curves.metric
    return metric.title if metric else "accuracy"
