"""Files that take one size or one batch: measured at that where nothing else is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from engines.planning.axes import EngineAxes
from engines.planning.fixed import choices_of
from sizewise.core.options.declared import spelled
from sizewise.core.progress import Reporter
from sizewise.core.specs import ExportedModel

A = TypeVar("A", bound=EngineAxes)
_Chosen = Mapping[str, Iterable[object]]


def as_files_take_it(axes: A, models: Sequence[ExportedModel], reporter: Reporter) -> A:
    """``axes`` with the one size and the one batch that all ``models`` take, where these are at
    their defaults, and with the strategy static; says so.

    Where files take different ones, ``axes`` stay, and a sweep measures each file at its own
    (:func:`engines.planning.fixed.for_each`). Raises InputError for a model that does not take
    images.
    """
    chosen = [choices_of(axes, model) for model in models]
    same = all(one == chosen[0] for one in chosen)
    if any(chosen):
        reporter.remark(_remark(_names(models), chosen, same=same))
    return replace(axes, **chosen[0]) if chosen and same else axes


def _names(models: Sequence[ExportedModel]) -> tuple[str, ...]:
    """The files' names, with their folders' where two are the same."""
    names = tuple(model.path.name for model in models)
    if len(set(names)) == len(names):
        return names
    return tuple(f"{model.path.parent.name}/{model.path.name}" for model in models)


def _remark(names: Sequence[str], chosen: Sequence[_Chosen], *, same: bool) -> str:
    if same:
        listed = _listed(chosen[0])
        return f"Inputs of {', '.join(names)} are fixed, so this was chosen: {listed}."
    both = zip(names, chosen, strict=True)
    by_file = "; ".join(f"{name}: {_listed(one)}" for name, one in both if one)
    return f"Inputs are fixed, so this was chosen for each file: {by_file}."


def _listed(chosen: _Chosen) -> str:
    return ", ".join(f"{spelled(name)} {','.join(map(str, v))}" for name, v in chosen.items())
