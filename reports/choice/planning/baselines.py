"""What plain choices of engines give, and what looser limits would buy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from reports.choice.planning.decided import Decided
from reports.choice.planning.optimum.problem import Problem
from reports.choice.planning.plain import Choice, best_of, plain_choices
from reports.text.words import counted, listed
from sizewise.core.specs.plan import Alternative

MORE_MIB = 100
_MOST_ENGINES = 6


def baselines(decided: Decided) -> tuple[Alternative, ...]:
    """What plain choices give, and which limits they break."""
    return tuple(map(_told, plain_choices(decided)))


def more(decided: Decided) -> tuple[Alternative, ...]:
    """What the next 100 MiB would buy, and one more engine than there may be."""
    problem = decided.problem
    found = []
    if problem.max_memory_mib is not None:
        looser = replace(problem, max_memory_mib=problem.max_memory_mib + MORE_MIB)
        found.append(_best(f"{MORE_MIB} MiB more", looser, decided))
    if problem.max_engines is not None:
        looser = replace(problem, max_engines=problem.max_engines + 1)
        found.append(_best("one more engine", looser, decided))
    return tuple(found)


def by_engines(decided: Decided) -> tuple[Alternative, ...]:
    """The best set of one engine, of two, and so on, within the memory."""
    most = min(_MOST_ENGINES, len(decided.engines) + 1)
    found: list[Alternative] = []
    for count in range(1, most + 1):
        problem = replace(decided.problem, max_engines=count)
        one = _best(counted(count, "engine"), problem, decided)
        if one.engines < count:  # more of them gain nothing
            break
        found.append(one)
    return tuple(found)


def _best(name: str, problem: Problem, decided: Decided) -> Alternative:
    return _told(best_of(name, decided.uses, problem, decided))


def _told(choice: Choice) -> Alternative:
    if not choice.served:
        return Alternative(name=choice.name, why_not=choice.why_not)
    found, loaded = choice.prediction, choice.problem.loaded(choice.served)
    return Alternative(
        name=choice.name,
        engines=len(loaded),
        loaded=loaded,
        mean_ms=found.mean_ms,
        memory_mib=found.memory_mib,
        accuracy=found.accuracy,
        why_not=listed(broken_limits(choice.problem, choice.served)),
    )


def broken_limits(problem: Problem, served: Sequence[int]) -> Iterator[str]:
    """The limits that what serves does not keep to."""
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
