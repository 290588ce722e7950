"""Plain choices of engines: what people load who do not plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reports.choice.planning.candidates import Use
from reports.choice.planning.decided import Decided, predicted
from reports.choice.planning.demand import even_groups, joined, scale
from reports.choice.planning.optimum.problem import Problem
from reports.choice.planning.optimum.solving import Solution, solve
from reports.choice.planning.setting import EVEN_GROUPS
from sizewise.core.specs import Size
from sizewise.core.specs.plan import Prediction

FIRST_FIT = "first fit"
_SECONDS = 3.0
"""For each of them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """Engines beside those of the plan ``beside``. ``served`` has the number of the use that serves
    each size; it is empty where there is none, and ``why_not`` says why. ``problem`` has the
    limits, which it may break."""

    name: str
    beside: Decided
    uses: Sequence[Use] = ()
    problem: Problem
    served: tuple[int, ...] = ()
    why_not: str = ""

    @property
    def fits(self) -> bool:
        """Whether it keeps to the limits."""
        return bool(self.served) and self.problem.fits(self.served)

    @property
    def prediction(self) -> Prediction:
        return predicted(self.beside.setting, self.uses, self.problem, self.served)

    def decided(self) -> Decided:
        """The choice in the plan's place, with no bound."""
        mean = self.problem.mean_ms(self.served)
        return replace(
            self.beside,
            uses=tuple(self.uses),
            problem=self.problem,
            solution=Solution(served=self.served, mean_ms=mean, bound_ms=0.0),
            bound=0.0,
            gap=1.0,
        )


def plain_choices(decided: Decided) -> tuple[Choice, ...]:
    """Under the same limits, of the same models, precisions and back ends."""
    setting = decided.setting
    uses = setting.uses(setting.limits.max_latency_ms)
    count = min(max(2, len(decided.engines)), EVEN_GROUPS, len(setting.demand.sizes))
    return (
        _limited("one static engine at the largest size", _holding_all(uses, decided), decided, 1),
        _limited("one dynamic engine", _open_ones(uses, decided), decided, 1),
        _limited(f"{count} even buckets", _even(uses, decided, count), decided, count),
        _first_fit(uses, decided),
    )


def best_of(name: str, uses: Sequence[Use], problem: Problem, decided: Decided) -> Choice:
    """The best of ``problem``; where none fits, the fastest."""
    unlimited = replace(problem, max_memory_mib=None, min_accuracy=None, max_late=None)
    for one in (problem, unlimited):
        if found := solve(one, seconds=_SECONDS):
            return Choice(
                name=name, beside=decided, uses=uses, problem=problem, served=found.served
            )
    why_not = "none that serves all sizes was measured"
    return Choice(name=name, beside=decided, problem=problem, why_not=why_not)


def _holding_all(uses: Sequence[Use], decided: Decided) -> list[Use]:
    sizes = decided.setting.demand.sizes
    return [
        use
        for use in uses
        if use.bucket is not None and all(scale(size, use.bucket) == 1 for size in sizes)
    ]


def _open_ones(uses: Sequence[Use], decided: Decided) -> list[Use]:
    side = decided.setting.demand.rule.side_px
    return [use for use in uses if use.bucket is None and use.side_px == side]


def _even(uses: Sequence[Use], decided: Decided, count: int) -> list[Use]:
    """A static engine for each of ``count`` groups of sizes, each for its own group."""
    sizes = decided.setting.demand.sizes
    found = []
    for group in even_groups(sizes, count):
        bucket, own = joined(group), {sizes.index(size) for size in group}
        for use in uses:
            if use.bucket == bucket:
                served = {n: one for n, one in use.candidate.serves.items() if n in own}
                found.append(replace(use, candidate=replace(use.candidate, serves=served)))
    return found


def _limited(name: str, uses: Sequence[Use], decided: Decided, engines: int) -> Choice:
    limit = decided.problem.max_engines
    count = engines if limit is None else min(engines, limit)
    problem = replace(
        decided.problem, candidates=[use.candidate for use in uses], max_engines=count
    )
    return best_of(name, uses, problem, decided)


def _first_fit(uses: Sequence[Use], decided: Decided) -> Choice:
    """The largest, and then one for each size, the most frequent first, while there is room: of the
    group of engines that this serves best."""
    found = list(_first_fits(uses, decided))
    if not found:
        why_not = "no static engine holds all sizes"
        return Choice(name=FIRST_FIT, beside=decided, problem=decided.problem, why_not=why_not)
    return min(found, key=lambda one: (not one.fits, one.prediction.mean_ms))


def _first_fits(uses: Sequence[Use], decided: Decided) -> Iterator[Choice]:
    for group in {id(use.group): use.group for use in uses if use.bucket is not None}.values():
        own = [use for use in uses if use.group is group and use.bucket is not None]
        problem = replace(decided.problem, candidates=[use.candidate for use in own])
        if served := _fitted(own, problem, decided):
            yield Choice(name=FIRST_FIT, beside=decided, uses=own, problem=problem, served=served)


def _fitted(own: Sequence[Use], problem: Problem, decided: Decided) -> tuple[int, ...]:
    sizes = decided.setting.demand.sizes
    largest = joined(sizes)
    all_holding = [n for n, use in enumerate(own) if use.bucket and scale(largest, use.bucket) == 1]
    if not all_holding:
        return ()
    loaded = [min(all_holding, key=lambda n: _pixels(own[n]))]
    of_size = {use.bucket: n for n, use in enumerate(own)}
    for number in sorted(range(len(sizes)), key=lambda n: -problem.shares[n]):
        place = of_size.get(sizes[number])
        if place is not None and place not in loaded and _has_room(problem, [*loaded, place]):
            loaded.append(place)
    return tuple(_smallest(own, loaded, size) for size in sizes)


def _has_room(problem: Problem, loaded: Sequence[int]) -> bool:
    memory, engines = problem.max_memory_mib, problem.max_engines
    fits = memory is None or problem.memory_of(loaded) <= memory
    return fits and (engines is None or len(loaded) <= engines)


def _smallest(own: Sequence[Use], loaded: Sequence[int], size: Size) -> int:
    holding = [n for n in loaded if (b := own[n].bucket) and scale(size, b) == 1]
    return min(holding, key=lambda n: _pixels(own[n]))


def _pixels(use: Use) -> int:
    return use.bucket.pixels if use.bucket else 0
