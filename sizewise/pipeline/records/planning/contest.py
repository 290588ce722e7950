"""Sets of engines that run, each in one process, and the best of them as measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reports.choice.planning.assembling import inputs_by_engine
from reports.choice.planning.decided import Decided
from reports.choice.planning.deciding import decide
from reports.choice.planning.setting import Setting
from sizewise.core.specs import Size
from sizewise.pipeline.records.planning.refusing import decided_or_refused, none_kept
from sizewise.pipeline.records.planning.streaming import Replayed

SETS = 3
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


@dataclass(frozen=True, kw_only=True)
class Contest:
    """How sets run, and whether one keeps to the limits; ``traffic`` is its name."""

    run: Run
    fits: Callable[[Decided], bool]
    traffic: str

    def best(self, first: Decided) -> Ran:
        """The best set by turns, with how far any other could be ahead: ``first``, what its figures
        make better, or one engine. Raises UsageError where none keeps to the limits."""
        looked = self.looked(first)
        single = best_single(looked[-1].setting)
        ran = self.by_turns([*near(looked), *([single] if single else [])])
        least = min(ran, key=lambda one: one.decided.objective_ms)
        again = decide(least.decided.setting)
        if again is not None and _same(again, least.decided):
            return replace(least, decided=again)
        return replace(least, decided=least.decided.bounded(again.bound if again else 0.0))

    def looked(self, first: Decided, sets: int = SETS) -> list[Decided]:
        """At most so many sets as measured that keep to the limits: ``first``, and those that are
        decided again as long as what one takes makes another better. Raises UsageError where there
        is none."""
        found: list[Decided] = []
        decided = first
        for _ in range(sets):
            (ran,) = self.run([decided], _LOOKS)
            setting = _measured(decided, ran)
            again = decide(setting)
            settled = again is not None and _same(again, decided)
            found.append(again if settled and again else decided.under(setting))
            if again is None or settled:
                break
            decided = again
        if fitting := [one for one in found if self.fits(one)]:
            return fitting
        decided_or_refused(found[-1].setting, self.traffic)
        raise none_kept(found[-1], len(found), self.traffic)

    def by_turns(self, sets: Sequence[Decided]) -> list[Ran]:
        """Those of the sets that keep to the limits, with what is measured of them by turns; each
        knows what the others take. Raises UsageError where there is none."""
        once = distinct(sets)
        found = self.run(once, _TURNS)
        known = {place: ms for ran in found for place, ms in _place_ms(ran).items()}
        ran = [
            Ran(before=one, decided=one.under(_measured(one, then, known)), replayed=then)
            for one, then in zip(once, found, strict=True)
        ]
        if fitting := [one for one in ran if self.fits(one.decided)]:
            return fitting
        raise none_kept(ran[-1].decided, len(ran), self.traffic)


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


def best_single(setting: Setting) -> Decided | None:
    """The best single engine. It runs by turns however slow it is expected to be: several engines
    may slow each other more than was seen of any."""
    one = decide(replace(setting, limits=replace(setting.limits, max_engines=1)))
    return None if one is None else one.under(setting)


def is_among(one: Decided, sets: Iterable[Decided]) -> bool:
    """Whether one of ``sets`` has the same engines at the same inputs."""
    return any(_same(one, other) for other in sets)


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
