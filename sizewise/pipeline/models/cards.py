"""Models for commands, read as their cards or the user say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from netzoo.tasks.reading import LayoutOption
from netzoo.tasks.showing import PictureOptions
from sizewise.core.errors import EngineMismatchError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import ExportedModel, ImageInput, ModelCard, Size, Sizes


@dataclass(frozen=True, kw_only=True)
class MeaningOptions(PictureOptions, LayoutOption):
    """What the inputs and outputs of models mean, where their cards do not say so."""

    def of(self, model: ExportedModel) -> ExportedModel:
        """``model``, read as was said. Raises UsageError for a layout that is not its own."""
        name, card = model.path.name, model.card
        read = card_as(name, card, self.layout) if self.layout else card
        return replace(model, card=self.shown_to(read))


def read_as(path: Path, layout: str) -> ExportedModel:
    """Read a model. A ``layout`` explains outputs that the file does not explain.

    Raises InputError, and UsageError for a layout that is not the file's own.
    """
    from sizewise.core.onnxfiles.model import read_model

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

    if layout == card.layout == "unknown":
        return card
    task = task_of_layout(layout)
    if card.task not in ("unknown", task.name):
        raise UsageError(
            f"{spelled('layout')} can't be given for {name}",
            f"its task is {card.task}, and {layout} is for {task.name}",
            "Leave it out.",
        )
    if card.layout not in ("unknown", layout):
        raise UsageError(
            f"{name} can't be read as {layout}",
            f"the file itself says that its layout is {card.layout}",
            f"Leave {spelled('layout')} out.",
        )
    return replace(card, task=task.name, layout=layout)


def demand_sizes(model: ExportedModel, sizes: Iterable[Size]) -> None:
    """Raises UsageError for a size that ``model`` does not take, with the nearest that it takes."""
    from engines.inputs import demand_size

    image = model.image
    for size in sizes:
        try:
            demand_size(model.path.name, image, model.card, image.fixed_batch or 1, size)
        except EngineMismatchError as error:
            raise UsageError(error.what, error.why, error.todo) from error


def usual_sizes(card: ModelCard, image: ImageInput | None = None) -> Sizes:
    """Some sizes that a model takes: its fixed one, or 128 to 448 for most strides, with the height
    or the width that is fixed."""
    if image is not None and image.fixed_size is not None:
        return Sizes((image.fixed_size,))
    unit = card.round_up(32)
    first = max(4 * unit, -(-card.smallest // unit) * unit)
    last, step = first + 10 * unit, 2 * unit
    sides = range(first, last + 1, step)
    if image is not None and (image.fixed_height or image.fixed_width):
        return Sizes(Size(image.fixed_height or side, image.fixed_width or side) for side in sides)
    return Sizes((Size(side, side) for side in sides), f"{first}:{last}:{step}")


def calibration_sizes(card: ModelCard, image: ImageInput) -> tuple[Size, ...]:
    """The sizes that a model is calibrated at where nobody says any: every second usual one."""
    usual = usual_sizes(card, image)
    return usual[1::2] or usual
