"""Files that take one size or one batch: measured at that where nothing else is said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from engines.planning.axes import EngineAxes
from engines.planning.batches import Batch
from engines.registry import find_backend
from sizewise.core.options import changed, spelled
from sizewise.core.progress import Reporter
from sizewise.core.specs import ExportedModel, Sizes

A = TypeVar("A", bound=EngineAxes)
_STATIC = "static"


def as_files_take_it(axes: A, models: Sequence[ExportedModel], reporter: Reporter) -> A:
    """``axes`` with the one size and the one batch that all ``models`` take, where these are at
    their defaults, and with the strategy static; says so.

    Raises InputError for a model that does not take images.
    """
    chosen: dict[str, Any] = {}
    if size := _common(model.image.fixed_size for model in models):
        chosen["sizes"] = Sizes((size,))
        if all(_STATIC in find_backend(name).strategies for name in axes.backends):
            chosen["strategies"] = (_STATIC,)
    if batch := _common(model.image.fixed_batch for model in models):
        chosen["batch"] = (Batch(batch),)
    given = set(changed(axes, *chosen)) if chosen else set()
    chosen = {
        name: value
        for name, value in chosen.items()
        if name not in given and value != getattr(axes, name)
    }
    if chosen:
        names = ", ".join(model.path.name for model in models)
        listed = ", ".join(f"{spelled(name)} {_text(value)}" for name, value in chosen.items())
        reporter.remark(f"Inputs of {names} are fixed, so this was chosen: {listed}.")
    return replace(axes, **chosen)


T = TypeVar("T")


def _common(values: Iterable[T | None]) -> T | None:
    """The one value of all; None where they differ."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _text(value: Iterable[object]) -> str:
    return ",".join(map(str, value))
