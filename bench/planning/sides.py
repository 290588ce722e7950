"""Two models in one plan: each engine of the one takes turns with that of the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bench.interpreter import Interpreter
from bench.planning.plan import Group, Planned, plan_sweep
from bench.planning.protocol import Protocol
from bench.planning.settings import SweepSettings
from sizewise.core.specs import ExportedModel, Size


@dataclass(frozen=True, kw_only=True)
class Sides:
    """The groups of a plan, and the identities of the trials of its two sides."""

    groups: tuple[Group, ...]
    base: frozenset[str]
    new: frozenset[str]


def plan_sides(
    base: ExportedModel,
    new: ExportedModel,
    settings: SweepSettings,
    *,
    environment_fingerprint: str,
    interpreter: Interpreter | None = None,
) -> Sides:
    """The trials of two models, all of one size in a group. Those of ``base`` are under
    ``interpreter``, where there is one.

    A trial that would be the same on both sides is another replica on the new one. Raises as
    :func:`bench.planning.plan.plan_sweep` does, for each model by itself.
    """

    def planned(model: ExportedModel) -> tuple[Group, ...]:
        return plan_sweep([model], settings, environment_fingerprint=environment_fingerprint)

    ours = _each(planned(base), lambda one: _under(one, interpreter))
    taken = _identities(ours)
    theirs = _each(planned(new), lambda one: _unlike(one, taken))
    return Sides(groups=_together((*ours, *theirs)), base=taken, new=_identities(theirs))


def _each(groups: Iterable[Group], change: Callable[[Planned], Planned]) -> tuple[Group, ...]:
    return tuple(replace(one, members=tuple(map(change, one.members))) for one in groups)


def _identities(groups: Iterable[Group]) -> frozenset[str]:
    return frozenset(planned.trial.identity for group in groups for planned in group.members)


def _under(planned: Planned, interpreter: Interpreter | None) -> Planned:
    if interpreter is None:
        return planned
    trial = replace(
        planned.trial,
        backend_version=interpreter.versions.get(planned.trial.cell.backend, ""),
        environment_fingerprint=interpreter.environment.fingerprint,
    )
    return replace(planned, trial=trial, python=interpreter.path)


def _unlike(planned: Planned, taken: frozenset[str]) -> Planned:
    if planned.trial.identity not in taken:
        return planned
    return replace(planned, trial=replace(planned.trial, replica=planned.trial.replica + 1))


def _together(groups: Iterable[Group]) -> tuple[Group, ...]:
    members: dict[tuple[Size, Protocol], tuple[Planned, ...]] = {}
    for one in groups:
        key = one.size, one.protocol
        members[key] = (*members.get(key, ()), *one.members)
    return tuple(
        Group(size=size, protocol=protocol, members=found)
        for (size, protocol), found in members.items()
    )
