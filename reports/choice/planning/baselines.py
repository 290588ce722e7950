"""What plain choices of engines give, and what looser limits would buy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from reports.choice.planning.candidates import Use
from reports.choice.planning.deciding import EVEN_GROUPS, Decided, predicted
from reports.choice.planning.demand import even_groups, joined, scale
from reports.choice.planning.problem import Problem
from reports.choice.planning.solving import solve
from reports.text.words import counted, listed
from sizewise.core.specs import Size
from sizewise.core.specs.plan import Alternative

_SECONDS = 3.0
"""For each of them."""
MORE_MIB = 100
_MOST_ENGINES = 6


def baselines(decided: Decided) -> tuple[Alternative, ...]:
    """Under the same limits, of the same models, precisions and back ends."""
    setting = decided.setting
    uses = setting.uses(setting.limits.max_latency_ms)
    count = min(max(2, len(decided.engines)), EVEN_GROUPS, len(setting.demand.sizes))
    return (
        _solved("one static engine at the largest size", _holding_all(uses, decided), decided, 1),
        _solved("one dynamic engine", _open_ones(uses, decided), decided, 1),
        _solved(f"{count} even buckets", _even(uses, decided, count), decided, count),
        _first_fit(uses, decided),
    )


def more(decided: Decided) -> tuple[Alternative, ...]:
    """What the next 100 MiB would buy, and one more engine than there may be."""
    problem = decided.problem
    found = []
    if problem.max_memory_mib is not None:
        looser = replace(problem, max_memory_mib=problem.max_memory_mib + MORE_MIB)
        found.append(_best(f"{MORE_MIB} MiB more", decided.uses, looser, decided))
    if problem.max_engines is not None:
        looser = replace(problem, max_engines=problem.max_engines + 1)
        found.append(_best("one more engine", decided.uses, looser, decided))
    return tuple(found)


def by_engines(decided: Decided) -> tuple[Alternative, ...]:
    """The best set of one engine, of two, and so on, within the memory."""
    most = min(_MOST_ENGINES, len(decided.engines) + 1)
    found: list[Alternative] = []
    for count in range(1, most + 1):
        problem = replace(decided.problem, max_engines=count)
        one = _best(counted(count, "engine"), decided.uses, problem, decided)
        if one.engines < count:  # more of them gain nothing
            break
        found.append(one)
    return tuple(found)


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


def _solved(name: str, uses: Sequence[Use], decided: Decided, engines: int) -> Alternative:
    limit = decided.problem.max_engines
    count = engines if limit is None else min(engines, limit)
    problem = replace(
        decided.problem, candidates=[use.candidate for use in uses], max_engines=count
    )
    return _best(name, uses, problem, decided)


def _best(name: str, uses: Sequence[Use], problem: Problem, decided: Decided) -> Alternative:
    """The best of ``problem``; where none fits, the fastest, and what it breaks."""
    if found := solve(problem, seconds=_SECONDS):
        return _told(name, uses, problem, found.served, decided)
    unlimited = replace(
        problem,
        max_memory_mib=None,
        min_accuracy=None,
        max_late=None,
    )
    if found := solve(unlimited, seconds=_SECONDS):
        return _told(name, uses, problem, found.served, decided)
    return Alternative(name=name, why_not="none that serves all sizes was measured")


def _first_fit(uses: Sequence[Use], decided: Decided) -> Alternative:
    """The largest, and then one for each size, the most frequent first, while there is room: of the
    group of engines that this serves best."""
    found = []
    for group in {id(use.group): use.group for use in uses if use.bucket is not None}.values():
        own = [use for use in uses if use.group is group and use.bucket is not None]
        problem = replace(decided.problem, candidates=[use.candidate for use in own])
        if served := _fitted(own, problem, decided):
            found.append(_told("first fit", own, problem, served, decided))
    if not found:
        return Alternative(name="first fit", why_not="no static engine holds all sizes")
    return min(found, key=lambda one: (bool(one.why_not), one.mean_ms or 0.0))


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


def _told(
    name: str, uses: Sequence[Use], problem: Problem, served: Sequence[int], decided: Decided
) -> Alternative:
    found = predicted(decided.setting, uses, problem, served)
    loaded = problem.loaded(served)
    return Alternative(
        name=name,
        engines=len(loaded),
        loaded=loaded,
        mean_ms=found.mean_ms,
        memory_mib=found.memory_mib,
        accuracy=found.accuracy,
        why_not=listed(_broken(problem, served)),
    )


def _broken(problem: Problem, served: Sequence[int]) -> Iterator[str]:
    """The limits that it does not keep to."""
    limits: dict[str, Callable[[Problem], Problem]] = {
        "memory": lambda one: replace(one, max_memory_mib=None),
        "engines": lambda one: replace(one, max_engines=None),
        "accuracy": lambda one: replace(one, min_accuracy=None),
        "latency": lambda one: replace(one, max_late=None),
    }
    for name in limits:
        alone = problem
        for other, without in limits.items():
            alone = without(alone) if other != name else alone
        if not alone.fits(served):
            yield f"it breaks the limit on {name}"
