"""Sets of engines that run, each in one process, and the best of them as measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reports.choice.planning.assembling import inputs_by_engine
from reports.choice.planning.decided import Decided
from reports.choice.planning.deciding import decide
from reports.choice.planning.setting import Setting
from sizewise.core.specs import Size
from sizewise.pipeline.records.planning.streaming import Replayed

_SETS = 3
"""That are looked at: what one takes may make another better."""
_LOOKS, _TURNS = 2, 5
"""Processes in which a set runs, to find others and to tell it from others: one is faster or slower
than another by several per cent."""
_NEAR = 1.3
"""A set that takes so many times the least is not run by turns: it will not win."""

Run = Callable[[Sequence[Decided], int], Sequence[Replayed]]
"""Runs sets by turns, each in so many processes."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A set, and the same with the figures that were measured of it."""

    before: Decided
    decided: Decided
    replayed: Replayed


def looked_at(first: Decided, run: Run) -> list[Decided]:
    """Sets as measured: ``first``, and those that are decided again as long as what one takes makes
    another better."""
    found: list[Decided] = []
    decided = first
    for _ in range(_SETS):
        (ran,) = run([decided], _LOOKS)
        setting = _measured(decided, ran)
        again = decide(setting)
        settled = again is not None and _same(again, decided)
        found.append(again if settled and again else decided.under(setting))
        if again is None or settled:
            break
        decided = again
    return found


def by_turns(sets: Sequence[Decided], run: Run) -> list[Ran]:
    """The sets with what is measured of them by turns; each knows what the others take."""
    found = run(sets, _TURNS)
    known = {place: ms for ran in found for place, ms in _place_ms(ran).items()}
    return [
        Ran(before=one, decided=one.under(_measured(one, ran, known)), replayed=ran)
        for one, ran in zip(sets, found, strict=True)
    ]


def near(sets: Sequence[Decided]) -> list[Decided]:
    """Those that may win."""
    least = min((one.objective_ms for one in sets), default=0.0)
    return distinct([one for one in sets if one.objective_ms <= _NEAR * least])


def distinct(sets: Iterable[Decided]) -> list[Decided]:
    """Each once."""
    found: list[Decided] = []
    for one in sets:
        if not is_among(one, found):
            found.append(one)
    return found


def single(setting: Setting) -> Decided | None:
    """The best single engine. It runs by turns however slow it is expected to be: several engines
    may slow each other more than was seen of any."""
    one = decide(replace(setting, limits=replace(setting.limits, max_engines=1)))
    return None if one is None else one.under(setting)


def is_among(one: Decided, sets: Iterable[Decided]) -> bool:
    """Whether one of ``sets`` has the same engines at the same inputs."""
    return any(_same(one, other) for other in sets)


def best(ran: Sequence[Ran]) -> Ran:
    """The fastest, with how far any other set could be ahead."""
    least = min(ran, key=lambda one: one.decided.objective_ms)
    again = decide(least.decided.setting)
    if again is not None and _same(again, least.decided):
        return replace(least, decided=again)
    return replace(least, decided=least.decided.bounded(again.bound if again else 0.0))


def _same(one: Decided, other: Decided) -> bool:
    return inputs_by_engine(one) == inputs_by_engine(other)


def _measured(
    decided: Decided, found: Replayed, known: Mapping[tuple[str, Size], float] | None = None
) -> Setting:
    """The setting with the memory of all engines together, what a picture takes at each place of
    theirs, what their changes cost, and how pictures spread around that; and what is ``known`` of
    other places."""
    before, place_ms = decided.setting, _place_ms(found)
    return replace(
        before,
        together=decided.together(found.measured.memory_mib),
        switch_ms={**before.switch_ms, **found.switch_ms},
        place_ms={**before.place_ms, **(known or {}), **place_ms},
        pace=decided.pace(place_ms),
        spread=found.spread,
    )


def _place_ms(found: Replayed) -> Mapping[tuple[str, Size], float]:
    return {(one.place.engine, one.place.input): one.ms for one in found.alone}
