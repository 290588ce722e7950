"""Accuracy of an engine at a size, through the engine that was timed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench.accuracy.plan import AS_USUAL, AccuracyPlan
from engines.base import Inferring
from engines.feeding import infer_images
from netzoo.data.classified import ClassifiedImage
from netzoo.data.coco.dataset import AnnotatedImage
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.registry import find_task, name_a_layout, task_of
from netzoo.tasks.task import Evaluator
from sizewise.core.errors import InputError, UsageError
from sizewise.core.evidence import write_evidence
from sizewise.core.further.resolving import further_of, why_unknown
from sizewise.core.options.declared import spelled
from sizewise.core.pictures.arrays import misfit as misfit_of_pictures
from sizewise.core.specs import ExportedModel, ImageInput, ModelCard, Size, Suppression
from sizewise.core.trials import Accuracy

_NO_MEANING = "the file does not say what its outputs mean"

if TYPE_CHECKING:
    from netzoo.tasks.task import Data


def demand_meaning(model: ExportedModel, source: str) -> None:
    """Raises UsageError where the layout of a model's outputs must be said, whatever the data
    ``source`` holds. Raises InputError where there is none, which is said first of every model."""
    if task_of(model.card) is None and model.card.layout == "unknown":
        from netzoo.data.sources import demand_source

        demand_source(source)
        raise UsageError(
            f"The accuracy of {model.path.name} can't be measured",
            _NO_MEANING,
            f"{name_a_layout(model.outputs, model.image)} Or leave {spelled('data')} out.",
        )


def demand_fit(
    model: ExportedModel, data: Data, plan: AccuracyPlan = AS_USUAL, sizes: Iterable[Size] = ()
) -> None:
    """Raises InputError where ``model``, whose meaning is known, can't be evaluated on ``data`` at
    ``sizes`` as ``plan`` says, UsageError where its graph can't give the boxes that are asked
    for."""
    plan.suppression(model.path.name, model.card)
    named = plan.named(model.path.name, model.card)
    if why := misfit(named, model.image, data) or why_unknown(further_of(model), sizes):
        raise InputError(
            f"The accuracy of {model.path.name} on {data.name} can't be measured",
            why,
            f"Leave {spelled('data')} out, or give a model and data that fit each other.",
        )


def misfit(card: ModelCard, image: ImageInput, data: Data) -> str:
    """Why a model of this card and input can't be evaluated on ``data``; empty where it can."""
    task = task_of(card)
    if task is None:
        return _NO_MEANING
    if not task.reads(card.layout):
        return f"nothing here reads the layout {card.layout} of its outputs"
    return task.misfit(card, data) or misfit_of_pictures(image, card.preprocessing)


def find_evaluator(
    card: ModelCard, data: Data, suppression: Suppression | None = None
) -> Evaluator:
    """Measures an engine with ``card``, which fits ``data``; ``suppression`` is the NMS of boxes,
    None for the usual one."""
    return find_task(card.task).evaluator(card, data, suppression)


def evaluate_images(
    session: Inferring,
    size: Size,
    images: Sequence[AnnotatedImage | ClassifiedImage],
    evaluator: Evaluator,
) -> None:
    """Run ``images`` through the engine in batches and give ``evaluator`` each one's outputs.

    Each picture is fitted into ``size`` as the model wants it. The last batch is filled up, so that
    the engine meets no shape but that which is measured.
    """
    batch_size = session.artifact.spec.batch_size
    keep_shape = evaluator.card.letterbox
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        pictures = [image.read() for image in batch]
        fits = [Letterbox.fit(Size(*p.shape[:2]), size, keep_shape=keep_shape) for p in pictures]
        planes = [fitted.apply(p) for p, fitted in zip(pictures, fits, strict=True)]
        filled = [*planes, *[planes[-1]] * (batch_size - len(planes))]
        outputs = infer_images(session, filled, evaluator.card.preprocessing)[: len(batch)]
        for image, fitted, of_image in zip(batch, fits, outputs, strict=True):
            evaluator.add(image, fitted, of_image)


def accuracy_of(evaluator: Evaluator, data: Data, measured_as: Accuracy | None = None) -> Accuracy:
    """The metrics over the images of ``data`` so far, and the evidence for their intervals (empty
    where it is too large to be stored). ``measured_as`` says what a user asked for beside that."""
    known = measured_as or Accuracy(images=0, data_sha256=data.sha256, chosen=data.chosen)
    scores: dict[str, Any] = evaluator.scores()
    return replace(
        known,
        images=evaluator.images,
        evidence=write_evidence(evaluator.evidence()),
        iou_by_class=evaluator.by_class(),
        **scores,
    )
