"""Accuracy of an engine at a size, through the engine that was timed: COCO AP, or mIoU of masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engines.base import Session
from netzoo.data.coco import AnnotatedImage, Dataset
from netzoo.tasks.coco_ap import evaluate_detections
from netzoo.tasks.layouts import layout_names, read_detections
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.masks import MaskScores
from netzoo.tasks.suppression import Detections, suppress
from sizewise.errors import InputError
from sizewise.specs import ExportedModel, ImageInput, ModelCard, Size
from sizewise.trials import Accuracy

SCORE_THRESHOLD = 0.001
IOU_THRESHOLD = 0.6
MAX_DETECTIONS = 300
"""As the YOLO families are evaluated; COCO's AP then takes the best 100 of a picture and class."""

Array = NDArray[Any]


class Judge(Protocol):
    """Takes the outputs for one picture after another and knows the score at the end."""

    def add(self, image: AnnotatedImage, fitted: Letterbox, outputs: Mapping[str, Array]) -> None:
        """``outputs`` are for a batch of one."""

    def accuracy(self) -> Accuracy: ...


class DetectionJudge:
    def __init__(self, data: Dataset, card: ModelCard) -> None:
        self._data, self._card = data, card
        self._found: dict[int, Detections] = {}

    def add(self, image: AnnotatedImage, fitted: Letterbox, outputs: Mapping[str, Array]) -> None:
        boxes, scores = read_detections(
            self._card.layout, outputs, class_count=len(self._data.classes)
        )
        found = suppress(
            boxes[0],
            scores[0],
            score_threshold=SCORE_THRESHOLD,
            iou_threshold=IOU_THRESHOLD,
            max_detections=MAX_DETECTIONS,
        )
        placed = fitted.clip(fitted.boxes_to_source(found.boxes))
        self._found[image.id] = Detections(boxes=placed, scores=found.scores, labels=found.labels)

    def accuracy(self) -> Accuracy:
        scores = evaluate_detections(self._data, self._found)
        return Accuracy(
            images=len(self._found),
            data_sha256=self._data.sha256,
            ap=scores.ap,
            ap50=scores.ap50,
        )


class MaskJudge:
    """Masks are compared at the picture's own size."""

    def __init__(self, data: Dataset, card: ModelCard) -> None:
        del card
        self._data = data
        self._images = 0
        self._scores = MaskScores()

    def add(self, image: AnnotatedImage, fitted: Letterbox, outputs: Mapping[str, Array]) -> None:
        logits = outputs["mask_logits"][0, 0]
        self._scores.add(fitted.map_to_source(logits), image.mask())
        self._images += 1

    def accuracy(self) -> Accuracy:
        return Accuracy(images=self._images, data_sha256=self._data.sha256, miou=self._scores.miou)


_JUDGES: Mapping[str, type[DetectionJudge] | type[MaskJudge]] = {
    "detection": DetectionJudge,
    "segmentation": MaskJudge,
}


def demand_fit(model: ExportedModel, data: Dataset) -> None:
    """Raises InputError where ``model`` can't be judged on ``data``."""
    why = _misfit(model.card, data) or _unfit_input(model.image)
    if why:
        raise InputError(
            f"The accuracy of {model.path.name} on {data.name} can't be measured",
            why,
            "Leave --data out, or give a model and data that fit each other.",
        )


def _misfit(card: ModelCard, data: Dataset) -> str:
    if card.task not in _JUDGES:
        return "the file does not say what its outputs mean"
    if card.task == "detection" and card.layout not in layout_names():
        return f"nothing here reads the layout {card.layout} of its outputs"
    if not card.letterbox:
        return "the model wants its pictures stretched, which is not supported"
    if card.classes and card.task == "detection" and card.classes != data.classes:
        return f"the model knows {', '.join(card.classes)}, the data {', '.join(data.classes)}"
    if card.task == "detection" and not any(len(image.boxes) for image in data.images):
        return "nothing is annotated in the data"
    return ""


def _unfit_input(image: ImageInput) -> str:
    if image.tensor.dtype != "float32" or image.channels != 3:
        return f"pictures are given as float32 RGB, and the model takes {image.tensor}"
    return ""


def find_judge(card: ModelCard, data: Dataset) -> Judge:
    return _JUDGES[card.task](data, card)


def judge_images(
    session: Session, size: Size, images: Sequence[AnnotatedImage], judge: Judge
) -> None:
    """Run ``images`` through the engine in batches and show ``judge`` each one's outputs.

    Each picture is letterboxed to ``size``; the last batch is filled up with its last picture.
    """
    batch_size = session.artifact.spec.batch_size
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        fits = [Letterbox.fit(Size(i.height, i.width), size) for i in batch]
        outputs = session.infer(_inputs(session, batch, fits))
        for place, (image, fitted) in enumerate(zip(batch, fits, strict=True)):
            judge.add(image, fitted, {k: v[place : place + 1] for k, v in outputs.items()})


def _inputs(
    session: Session, images: Sequence[AnnotatedImage], fits: Sequence[Letterbox]
) -> dict[str, Array]:
    image_input = session.artifact.image
    planes = [fitted.apply(image.read()) for image, fitted in zip(images, fits, strict=True)]
    planes += [planes[-1]] * (session.artifact.spec.batch_size - len(planes))
    batch = np.stack(planes)
    if not image_input.channels_first:
        batch = np.ascontiguousarray(batch.transpose(0, 2, 3, 1))
    return {image_input.tensor.name: batch}
