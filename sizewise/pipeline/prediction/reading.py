"""How a model's outputs are read: as its card says, and as the user says where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netzoo.tasks.reading import ReadingOptions
from netzoo.tasks.registry import name_a_layout, task_of, tasks
from netzoo.tasks.task import Predictor, Task
from sizewise.core.errors import InputError, UsageError
from sizewise.core.options.declared import changed, options_of, spelled
from sizewise.core.pictures.arrays import misfit
from sizewise.core.specs import (
    EngineArtifact,
    ExportedModel,
    ImageInput,
    ModelCard,
    Size,
    TensorSpec,
)
from sizewise.pipeline.models.cards import card_as


def find_predictor(
    name: str,
    card: ModelCard,
    model: ExportedModel | EngineArtifact,
    size: Size,
    options: ReadingOptions,
    *,
    to_draw: bool = True,
) -> Predictor[Any]:
    """Reads the outputs of ``model``, called ``name``, for pictures fitted into ``size``; of a task
    that can draw what is found, with ``to_draw``.

    Raises UsageError and InputError where nothing can be read by its card, or not as requested.
    """
    _demand_applicable(name, card, options, to_draw=to_draw)
    if options.layout:
        card = card_as(name, card, options.layout)
    task = _demand_readable(name, card, model.image, model.outputs, to_draw=to_draw)
    return task.predictor(name, card, size, options)


def _demand_applicable(
    name: str, card: ModelCard, options: ReadingOptions, *, to_draw: bool
) -> None:
    """Raises UsageError for options that mean nothing to the task."""
    task = task_of(card)
    if task is None or (to_draw and not task.predicts):
        return
    given = changed(options, *options_of(ReadingOptions))
    vain = [name for name in given if name not in task.reading_options]
    if vain:
        takers = [t.name for t in tasks().values() if t.reading_options.issuperset(vain)]
        raise UsageError(
            f"{', '.join(map(spelled, vain))} can't be given for {name}",
            f"its task is {task.name}, and this is for {' and '.join(takers)} alone",
            "Leave it out.",
        )


def _demand_readable(
    name: str,
    card: ModelCard,
    image: ImageInput,
    outputs: Sequence[TensorSpec],
    *,
    to_draw: bool,
) -> Task:
    task = task_of(card)
    if task is None and card.layout == "unknown":
        raise UsageError(
            f"The outputs of {name} can't be read",
            "the file does not say what they mean",
            name_a_layout(outputs, image, to_predict=True),
        )
    why = misfit(image, card.preprocessing)
    if task and to_draw and not task.predicts:
        drawn = " and ".join(t.name for t in tasks().values() if t.predicts)
        why = f"it is for {task.name}, and predict is for {drawn}"
    elif task is None or not task.reads(card.layout):
        readers = [task] if task else [t for t in tasks().values() if t.predicts]
        layouts = ", ".join(layout for one in readers for layout in one.layouts)
        why = f"the layout of its outputs is {card.layout}, which is none of {layouts}"
    if why or task is None:
        raise InputError(
            f"{name} can't predict",
            why,
            "Give a detector or a segmenter of pictures with 1 or 3 channels, exported without "
            f"{spelled('raw')}.",
        )
    return task
