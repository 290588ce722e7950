"""Models for commands, read as their cards or the user say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sizewise.core.errors import UsageError
from sizewise.core.options import spelled
from sizewise.core.specs import ExportedModel, ImageInput, ModelCard, Size, Sizes


def read_as(path: Path, layout: str) -> ExportedModel:
    """Read a model. A ``layout`` explains outputs that the file does not explain.

    Raises InputError, and UsageError for a layout that is not the file's own.
    """
    from sizewise.core.onnxfile import read_model

    return explained(read_model(path), layout)


def explained(model: ExportedModel, layout: str) -> ExportedModel:
    """``model`` with ``layout``, where that says something. Raises UsageError as
    :func:`read_as`."""
    if not layout:
        return model
    return replace(model, card=card_as(model.path.name, model.card, layout))


def card_as(name: str, card: ModelCard, layout: str) -> ModelCard:
    """``card``, of the model ``name``, with ``layout``. Raises UsageError as :func:`read_as`."""
    from netzoo.tasks.registry import task_of_layout

    if card.layout not in ("unknown", layout):
        raise UsageError(
            f"{name} can't be read as {layout}",
            f"the file itself says that its layout is {card.layout}",
            f"Leave {spelled('layout')} out.",
        )
    return replace(card, task=task_of_layout(layout).name, layout=layout)


def usual_sizes(card: ModelCard, image: ImageInput | None = None) -> Sizes:
    """Some sizes that a model takes: its fixed one, or 128 to 448 for most strides."""
    if image is not None and image.fixed_size is not None:
        return Sizes((image.fixed_size,))
    unit = card.round_up(32)
    first = max(4 * unit, -(-card.smallest // unit) * unit)
    last, step = first + 10 * unit, 2 * unit
    sides = range(first, last + 1, step)
    return Sizes((Size(side, side) for side in sides), f"{first}:{last}:{step}")
