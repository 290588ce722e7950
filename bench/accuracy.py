"""Accuracy of an engine at a size, through the engine that was timed: AP, or scores of masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from engines.base import Session
from engines.feeding import infer_images
from netzoo.data.coco import AnnotatedImage, Dataset
from netzoo.data.relabelling import find_classes
from netzoo.tasks.coco_ap import evaluate_detections
from netzoo.tasks.detecting import detect
from netzoo.tasks.layouts import layout_names
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.masks import MaskScores, read_logits
from netzoo.tasks.suppression import Detections
from sizewise.core.errors import InputError
from sizewise.core.specs import ExportedModel, ImageInput, ModelCard, Size, Suppression
from sizewise.core.trials import Accuracy

SUPPRESSION = Suppression(score_threshold=0.001, iou_threshold=0.6, max_detections=300)
"""As the YOLO families are evaluated; COCO's AP then takes the best 100 of a picture and class."""

Array = NDArray[Any]


class Judge(Protocol):
    """Takes the outputs for one picture after another and knows the score at the end."""

    card: ModelCard

    def add(self, image: AnnotatedImage, fitted: Letterbox, outputs: Mapping[str, Array]) -> None:
        """``outputs`` are for a batch of one."""

    def accuracy(self) -> Accuracy: ...


class DetectionJudge:
    """What a graph suppresses itself is judged as it is. Of a tree, the classes of the data count,
    each for itself, so boxes are not led down it."""

    def __init__(self, data: Dataset, card: ModelCard) -> None:
        self._data, self.card = data, card
        self._found: dict[int, Detections] = {}

    def add(self, image: AnnotatedImage, fitted: Letterbox, outputs: Mapping[str, Array]) -> None:
        (found,) = detect(
            self.card.layout,
            self._counted(outputs),
            SUPPRESSION,
            class_count=len(self._data.classes),
        )
        placed = fitted.clip(fitted.boxes_to_source(found.boxes))
        self._found[image.id] = Detections(boxes=placed, scores=found.scores, labels=found.labels)

    def _counted(self, outputs: Mapping[str, Array]) -> Mapping[str, Array]:
        if not self.card.tree:
            return outputs
        columns = find_classes(self._data.name, self._data.classes, self.card.classes)
        return {**outputs, "scores": outputs["scores"][..., columns]}

    def accuracy(self) -> Accuracy:
        scores = evaluate_detections(self._data, self._found)
        return Accuracy(
            images=len(self._found),
            data_sha256=self._data.sha256,
            ap=scores.ap,
            ap50=scores.ap50,
        )


class MaskJudge:
    """Logits are resized to the picture's own size, and masks are compared there."""

    def __init__(self, data: Dataset, card: ModelCard) -> None:
        self._data, self.card = data, card
        self._images = 0
        self._scores = MaskScores()

    def add(self, image: AnnotatedImage, fitted: Letterbox, outputs: Mapping[str, Array]) -> None:
        self._scores.add(read_logits(outputs, fitted), image.mask())
        self._images += 1

    def accuracy(self) -> Accuracy:
        return Accuracy(
            images=self._images,
            data_sha256=self._data.sha256,
            miou=self._scores.miou,
            f_measure=self._scores.f_measure,
            mae=self._scores.mae,
        )


_JUDGES: Mapping[str, type[DetectionJudge] | type[MaskJudge]] = {
    "detection": DetectionJudge,
    "segmentation": MaskJudge,
}


def demand_fit(model: ExportedModel, data: Dataset) -> None:
    """Raises InputError where ``model`` can't be judged on ``data``."""
    if why := misfit(model.card, model.image, data):
        raise InputError(
            f"The accuracy of {model.path.name} on {data.name} can't be measured",
            why,
            "Leave --data out, or give a model and data that fit each other.",
        )


def misfit(card: ModelCard, image: ImageInput, data: Dataset) -> str:
    """Why a model of this card and input can't be judged on ``data``; empty where it can."""
    if card.task not in _JUDGES:
        return "the file does not say what its outputs mean"
    if card.task == "detection" and card.layout not in layout_names():
        return f"nothing here reads the layout {card.layout} of its outputs"
    if why := _other_classes(card, data):
        return why
    return _bare(card, data) or image.refuses_pictures


def _bare(card: ModelCard, data: Dataset) -> str:
    if not data.images:
        return "there are no images in the data"
    if card.task == "detection" and not any(len(image.boxes) for image in data.images):
        return "nothing is annotated in the data"
    if card.task == "segmentation" and any(None in image.segments for image in data.images):
        return "there are annotations without a segmentation in the data"
    return ""


def _other_classes(card: ModelCard, data: Dataset) -> str:
    if card.tree:
        find_classes(data.name, data.classes, card.classes)
        return ""
    if card.classes and card.task == "detection" and card.classes != data.classes:
        return f"the model knows {', '.join(card.classes)}, the data {', '.join(data.classes)}"
    return ""


def find_judge(card: ModelCard, data: Dataset) -> Judge:
    return _JUDGES[card.task](data, card)


def judge_images(
    session: Session, size: Size, images: Sequence[AnnotatedImage], judge: Judge
) -> None:
    """Run ``images`` through the engine in batches and show ``judge`` each one's outputs.

    Each picture is fitted into ``size`` as the model wants it. The last batch is filled up, so that
    the engine meets no shape but that which is measured.
    """
    batch_size = session.artifact.spec.batch_size
    keep_shape = judge.card.letterbox
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        fits = [Letterbox.fit(Size(i.height, i.width), size, keep_shape=keep_shape) for i in batch]
        planes = [fitted.apply(image.read()) for image, fitted in zip(batch, fits, strict=True)]
        filled = [*planes, *[planes[-1]] * (batch_size - len(planes))]
        outputs = infer_images(session, filled)[: len(batch)]
        for image, fitted, of_image in zip(batch, fits, outputs, strict=True):
            judge.add(image, fitted, of_image)
