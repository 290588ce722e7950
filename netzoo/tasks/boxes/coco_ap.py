"""Average precision as COCO defines it, by COCO's own program (pycocotools)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from netzoo.tasks.boxes.coco_matches import read_evaluation
from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.figures import COCO_TITLES, Figures
from sizewise.core.errors import InputError
from sizewise.core.evidence import DetectionEvidence

if TYPE_CHECKING:
    from netzoo.data.coco.dataset import AnnotatedImage, Dataset

Annotations = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class DetectionScores:
    """Average precision (0–1), averaged over the classes that occur in the data set.

    ``ap`` is the mean over IoU .50:.05:.95; ``ap50`` and ``ap75`` are at one IoU. At most the 100
    best detections of a picture and class count.
    """

    ap: float
    ap50: float
    ap75: float


def evaluate_detections(dataset: Dataset, detections: Mapping[int, Detections]) -> DetectionScores:
    """Score ``detections`` of every image of ``dataset``, by its id; boxes are in its pixels.

    Raises InputError where images are missing or unknown, where a label is none of the data set's
    classes, and where nothing is annotated (average precision is not defined then).
    """
    scores, _ = examine_detections(dataset, detections)
    return scores


def examine_detections(
    dataset: Dataset, detections: Mapping[int, Detections]
) -> tuple[DetectionScores, DetectionEvidence]:
    """The scores as :func:`evaluate_detections` gives them, and the evidence of each image."""
    _, scores, evidence = _examined(dataset, detections)
    return scores, evidence


def examine_with_figures(
    dataset: Dataset, detections: Mapping[int, Detections]
) -> tuple[DetectionScores, DetectionEvidence, Figures]:
    """The same and :func:`coco_figures`, by one run of COCO's program."""
    evaluation, scores, evidence = _examined(dataset, detections, whole=True)
    return scores, evidence, _figures(evaluation, dataset)


def _examined(
    dataset: Dataset, detections: Mapping[int, Detections], *, whole: bool = False
) -> tuple[Any, DetectionScores, DetectionEvidence]:
    _check(dataset, detections)
    results = _results(dataset, detections)
    evaluation = _evaluation(results, dataset, whole=whole)
    precision = evaluation.eval["precision"][..., 0, -1]
    scores = DetectionScores(
        ap=_mean(precision), ap50=_mean(precision[0]), ap75=_mean(precision[5])
    )
    boxes = np.array([result["bbox"] for result in results], np.float64).reshape(-1, 4)
    return evaluation, scores, read_evaluation(evaluation, boxes)


def coco_figures(dataset: Dataset, detections: Mapping[int, Detections]) -> Figures:
    """COCO's twelve figures, and AP of each class that occurs.

    Objects are small below 32² pixels and large from 96², by the areas that annotations say.
    Raises InputError as :func:`evaluate_detections` does.
    """
    *_, figures = examine_with_figures(dataset, detections)
    return figures


def _figures(evaluation: Any, dataset: Dataset) -> Figures:
    known = zip(COCO_TITLES, map(float, evaluation.stats), strict=True)
    precision = evaluation.eval["precision"][..., 0, -1]
    each = zip(dataset.classes, np.moveaxis(precision, -1, 0), strict=True)
    return Figures(
        # -1 stands for what does not occur.
        values={name: None if value < 0 else value for name, value in known},
        ap_by_class={name: _mean(values) for name, values in each if (values > -1).any()},
    )


def _check(dataset: Dataset, detections: Mapping[int, Detections]) -> None:
    what = f"The detections do not fit the data set {dataset.name}"
    ids = {image.id for image in dataset.images}
    if ids != detections.keys():
        why = (
            f"{len(ids - detections.keys())} of its {len(ids)} images have none, and "
            f"{len(detections.keys() - ids)} are for images that it does not have"
        )
        raise InputError(what, why, "Give detections, if only empty ones, for every image.")
    labels = {int(label) for found in detections.values() for label in np.unique(found.labels)}
    if labels and not 0 <= min(labels) <= max(labels) < len(dataset.classes):
        why = (
            f"labels go from {min(labels)} to {max(labels)}, classes to {len(dataset.classes) - 1}"
        )
        raise InputError(what, why, "Evaluate on data with the classes the network was trained on.")
    if not any(len(image.boxes) for image in dataset.images):
        raise InputError(
            f"The data set {dataset.name} can't be evaluated on",
            "no image has a box, so average precision is not defined",
            "Give a data set with annotations.",
        )


def _evaluation(results: Annotations, dataset: Dataset, *, whole: bool = False) -> Any:
    """A COCOeval that has evaluated: its precision is [IoU threshold, recall, class, areas, most
    detections], with one range of areas and one number of detections unless ``whole``."""
    from pycocotools.cocoeval import COCOeval

    # COCOeval prints its progress; an exception passes through all the same.
    with contextlib.redirect_stdout(io.StringIO()):
        truth = _coco(_ground_truth(dataset), dataset)
        evaluation = COCOeval(truth, _coco(results, dataset), "bbox")
        if not whole:  # three of its twelve figures: areas of any size, 100 detections
            evaluation.params.areaRng = evaluation.params.areaRng[:1]
            evaluation.params.areaRngLbl = evaluation.params.areaRngLbl[:1]
            evaluation.params.maxDets = evaluation.params.maxDets[-1:]
        evaluation.evaluate()
        evaluation.accumulate()
        if whole:
            evaluation.summarize()
    return evaluation


def _coco(annotations: Annotations, dataset: Dataset) -> Any:
    from pycocotools.coco import COCO

    coco = COCO()
    # COCO takes an annotation with the id 0 for none at all.
    numbered = [{"id": number, **a} for number, a in enumerate(annotations, start=1)]
    coco.dataset = {
        "images": [{"id": image.id} for image in dataset.images],
        "categories": [{"id": label} for label in range(len(dataset.classes))],
        "annotations": numbered,
    }
    coco.createIndex()
    return coco


def _ground_truth(dataset: Dataset) -> Annotations:
    return [annotation for image in dataset.images for annotation in _truth_of(image)]


def _truth_of(image: AnnotatedImage) -> Annotations:
    single = _boxes(image.id, image.boxes, image.labels)
    crowd = _boxes(image.id, image.crowd_boxes, image.crowd_labels)
    found = [a | {"iscrowd": 0} for a in single] + [a | {"iscrowd": 1} for a in crowd]
    if not image.areas:
        return found
    return [a | {"area": area} for a, area in zip(found, image.areas, strict=True)]


def _results(dataset: Dataset, detections: Mapping[int, Detections]) -> Annotations:
    return [
        annotation | {"score": score}
        for image in dataset.images
        for annotation, score in zip(
            _boxes(image.id, detections[image.id].boxes, detections[image.id].labels),
            detections[image.id].scores.tolist(),
            strict=True,
        )
    ]


def _boxes(image_id: int, boxes: Any, labels: Any) -> Annotations:
    corners = boxes.astype(np.float64)
    sides = corners[:, 2:] - corners[:, :2]
    whole = np.concatenate([corners[:, :2], sides], axis=1).tolist()
    return [
        {"image_id": image_id, "category_id": label, "bbox": box, "area": box[2] * box[3]}
        for box, label in zip(whole, labels.tolist(), strict=True)
    ]


def _mean(precision: Any) -> float:
    # -1 stands for classes that do not occur in the ground truth.
    return float(precision[precision > -1].mean())
