"""Accuracy of an engine at a size, through the engine that was timed."""

from __future__ import annotations

from collections.abc import Sequence

from engines.base import Session
from engines.feeding import infer_images
from netzoo.data.coco import AnnotatedImage, Dataset
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.registry import find_task, tasks
from netzoo.tasks.task import Evaluator
from sizewise.core import pictures
from sizewise.core.errors import InputError, UsageError
from sizewise.core.evidence import write_evidence
from sizewise.core.further.resolving import further_of, why_unknown
from sizewise.core.options import spelled
from sizewise.core.specs import ExportedModel, ImageInput, ModelCard, Size
from sizewise.core.trials import Accuracy

_NO_MEANING = "the file does not say what its outputs mean"


def demand_fit(model: ExportedModel, data: Dataset) -> None:
    """Raises InputError where ``model`` can't be evaluated on ``data``, and UsageError where its
    layout must be said."""
    if model.card.task not in tasks() and model.card.layout == "unknown":
        raise UsageError(
            f"The accuracy of {model.path.name} on {data.name} can't be measured",
            _NO_MEANING,
            f"Leave {spelled('data')} out, or name the layout of its outputs with "
            f"{spelled('layout')}.",
        )
    if why := misfit(model.card, model.image, data) or why_unknown(further_of(model)):
        raise InputError(
            f"The accuracy of {model.path.name} on {data.name} can't be measured",
            why,
            f"Leave {spelled('data')} out, or give a model and data that fit each other.",
        )


def misfit(card: ModelCard, image: ImageInput, data: Dataset) -> str:
    """Why a model of this card and input can't be evaluated on ``data``; empty where it can."""
    task = tasks().get(card.task)
    if task is None:
        return _NO_MEANING
    if not task.evaluates_engines:
        return f"the accuracy of {task.name} is measured in PyTorch alone (sizewise evaluate)"
    return task.misfit(card, data) or pictures.misfit(image, card.preprocessing)


def find_evaluator(card: ModelCard, data: Dataset) -> Evaluator:
    """Measures an engine with ``card``, which fits ``data``."""
    return find_task(card.task).evaluator(card, data)


def evaluate_images(
    session: Session, size: Size, images: Sequence[AnnotatedImage], evaluator: Evaluator
) -> None:
    """Run ``images`` through the engine in batches and give ``evaluator`` each one's outputs.

    Each picture is fitted into ``size`` as the model wants it. The last batch is filled up, so that
    the engine meets no shape but that which is measured.
    """
    batch_size = session.artifact.spec.batch_size
    keep_shape = evaluator.card.letterbox
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        fits = [Letterbox.fit(Size(i.height, i.width), size, keep_shape=keep_shape) for i in batch]
        planes = [fitted.apply(image.read()) for image, fitted in zip(batch, fits, strict=True)]
        filled = [*planes, *[planes[-1]] * (batch_size - len(planes))]
        outputs = infer_images(session, filled, evaluator.card.preprocessing)[: len(batch)]
        for image, fitted, of_image in zip(batch, fits, outputs, strict=True):
            evaluator.add(image, fitted, of_image)


def accuracy_of(evaluator: Evaluator, data: Dataset) -> Accuracy:
    """The metrics over the images of ``data`` so far, and the evidence for their intervals (empty
    where it is too large to be stored)."""
    return Accuracy(
        images=evaluator.images,
        data_sha256=data.sha256,
        chosen=data.chosen,
        evidence=write_evidence(evaluator.evidence()),
        **evaluator.scores(),
    )
