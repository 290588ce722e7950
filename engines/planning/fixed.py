"""Files of one size, one side or one batch: the axes that each is built and measured at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from engines.planning.axes import EngineAxes
from engines.planning.batches import Batch
from engines.registry import find_backend
from sizewise.core.options.declared import changed
from sizewise.core.specs import ExportedModel, Size, Sizes

A = TypeVar("A", bound=EngineAxes)
_STATIC = "static"


def choices_of(axes: EngineAxes, model: ExportedModel) -> dict[str, Any]:
    """What ``model`` leaves of the axes that are at their defaults, by name: its one size with the
    strategy static, or the sizes of its one height or width, and its one batch.

    Raises InputError for a model that does not take images.
    """
    image = model.image
    height, width, batch = image.fixed_height, image.fixed_width, image.fixed_batch
    sizes = dict.fromkeys(Size(height or s.height, width or s.width) for s in axes.sizes)
    chosen: dict[str, Any] = {"sizes": Sizes(sizes)} if height or width else {}
    if image.fixed_size and all(_STATIC in find_backend(n).strategies for n in axes.backends):
        chosen["strategies"] = (_STATIC,)
    if batch:
        chosen["batch"] = (Batch(batch),)
    given = set(changed(axes, *chosen)) if chosen else set()
    return {
        name: value
        for name, value in chosen.items()
        if name not in given and value != getattr(axes, name)
    }


def for_each(axes: A, models: Sequence[ExportedModel]) -> tuple[A, ...]:
    """``axes`` as each of ``models`` takes them.

    A file of one size is measured at its own alone. The others are measured at the sizes of such
    files too, where they take them, so that all can be compared. Raises as :func:`choices_of`.
    """
    fitted = [replace(axes, **choices_of(axes, model)) for model in models]
    if all(one.sizes == axes.sizes for one in fitted):
        return tuple(fitted)
    both = list(zip(fitted, models, strict=True))
    fixed = dict.fromkeys(one.sizes[0] for one, model in both if model.image.fixed_size)
    return tuple(
        # One size can't be grouped as others are; a strategy that was given says why it is refused.
        replace(one, profiles="") if model.image.fixed_size else _with(fixed, one, model)
        for one, model in both
    )


def _with(more: Iterable[Size], axes: A, model: ExportedModel) -> A:
    """``axes`` with those sizes of ``more`` that ``model`` takes, unless its profiles are said."""
    taken = [size for size in more if size not in axes.sizes and not model.refusal(size)]
    if axes.profiles or not taken:
        return axes
    ordered = sorted((*axes.sizes, *taken), key=lambda size: (size.pixels, size))
    return replace(axes, sizes=Sizes(ordered))
