"""Evidence of each task: metrics over any choice of the images, without the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools.cocoeval import COCOeval

from netzoo.data.classified import ClassifiedImage, ClassifiedSet
from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.tasks.boxes.coco_ap import (
    coco_figures,
    evaluate_detections,
    examine_detections,
    examine_with_figures,
)
from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.masks.binary import MaskScores
from netzoo.tasks.registry import tasks
from netzoo.tasks.scores.top_k import score_classes
from sizewise.core.evidence import DetectionEvidence, read_evidence, write_evidence
from sizewise.core.evidence.detections import PIXEL
from sizewise.core.specs import ModelCard, Size, Suppression

CLASSES = ("a", "b", "rare", "never there")
SIDE = 320
GRID = np.linspace(0.05, 0.95, 60, dtype=np.float32)
"""Scores: some are the same in two images."""


def _image(number: int, random: np.random.Generator) -> AnnotatedImage:
    single, crowds = random.integers(0, 6), random.integers(0, 3)
    near = random.uniform(0, 200, (single + crowds, 2))
    boxes = np.concatenate([near, near + random.uniform(10, 100, near.shape)], 1).astype(np.float32)
    labels = random.choice(3, single + crowds, p=[0.6, 0.35, 0.05])
    return AnnotatedImage(
        id=number,
        path=Path(f"{number}.png"),
        height=SIDE,
        width=SIDE,
        boxes=boxes[:single],
        labels=labels[:single],
        crowd_boxes=boxes[single:],
        crowd_labels=labels[single:],
        segments=(None,) * len(boxes),
    )


def _found(image: AnnotatedImage, random: np.random.Generator) -> Detections:
    """The boxes, jittered, some twice, some with another label, and false alarms."""
    boxes = np.concatenate([image.boxes, image.crowd_boxes, image.boxes[:3], image.boxes + 90])
    boxes = boxes + random.normal(0, 5, boxes.shape).astype(np.float32)
    labels = np.concatenate([image.labels, image.crowd_labels, image.labels[:3], image.labels])
    labels = np.where(random.random(len(labels)) < 0.15, 3, labels)
    return Detections(
        boxes=boxes.astype(np.float32),
        scores=random.choice(GRID, len(boxes), replace=False),
        labels=labels.astype(np.int64),
    )


def _dataset(images: Sequence[AnnotatedImage]) -> Dataset:
    return Dataset(
        name="made up",
        classes=CLASSES,
        category_ids=tuple(range(len(CLASSES))),
        images=tuple(images),
        sha256="",
    )


def _case(seed: int, count: int) -> tuple[Dataset, dict[int, Detections]]:
    """The ids are in no order; in the first image is an object."""
    random = np.random.default_rng(seed)
    numbers = random.permutation(1000)[:count].tolist()
    images = [_image(number, random) for number in numbers]
    box = np.array([[10, 10, 90, 80]], np.float32)
    images[0] = replace(images[0], boxes=box, labels=np.zeros(1, np.int64))
    return _dataset(images), {image.id: _found(image, random) for image in images}


def _metrics(evidence: DetectionEvidence, weights: Any) -> dict[str, float]:
    rows = np.asarray(weights, np.float64)[None]
    return {name: float(value[0]) for name, value in evidence.metrics(rows).items()}


def _standing(
    data: Dataset, found: dict[int, Detections], weights: NDArray[np.int64]
) -> tuple[Dataset, dict[int, Detections]]:
    """The data set in which each image, by its id, stands as often as ``weights`` say."""
    images, copies = [], {}
    for image, times in zip(sorted(data.images, key=lambda one: one.id), weights, strict=True):
        for copy in range(times):
            number = 100 * image.id + copy
            images.append(replace(image, id=number))
            copies[number] = found[image.id]
    return _dataset(images), copies


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 7))
def test_one_run_of_cocos_program_gives_what_two_give(seed: int, count: int) -> None:
    """To the bit: with its other ranges of areas and numbers of boxes as well."""
    data, found = _case(seed, count)
    scores, evidence = examine_detections(data, found)
    same, also, figures = examine_with_figures(data, found)
    assert (same, write_evidence(also)) == (scores, write_evidence(evidence))
    values = (figures.values["ap"], figures.values["ap50"], figures.values["ap75"])
    assert values == (scores.ap, scores.ap50, scores.ap75)
    assert coco_figures(data, found) == figures


@pytest.mark.parametrize("with_figures", [True, False])
def test_an_evaluator_runs_cocos_program_once(
    monkeypatch: pytest.MonkeyPatch, *, with_figures: bool
) -> None:
    data, _ = _case(0, 3)
    card = ModelCard(network="n", task="detection", layout="sizewise", classes=CLASSES)
    evaluator = tasks()["detection"].evaluator(card, data, Suppression())
    evaluator.measures_figures = with_figures
    size = Size(SIDE, SIDE)
    for image in data.images:
        scores = np.zeros((1, len(image.boxes), len(CLASSES)), np.float32)
        scores[0, np.arange(len(image.boxes)), image.labels] = 0.9
        outputs = {"boxes": image.boxes[np.newaxis], "scores": scores}
        evaluator.add(image, Letterbox.fit(size, size), outputs)
    runs, evaluate = list[object](), COCOeval.evaluate

    def counted(one: object) -> None:
        runs.append(one)
        evaluate(one)

    monkeypatch.setattr(COCOeval, "evaluate", counted)
    scores_by_name = evaluator.scores()
    evaluator.evidence()
    figures = evaluator.figures("coco") if with_figures else None
    assert len(runs) == 1
    assert figures is None or figures.values["ap"] == scores_by_name["ap"]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 7))
def test_ap_of_all_images_is_that_of_cocos_program(seed: int, count: int) -> None:
    data, found = _case(seed, count)
    scores, evidence = examine_detections(data, found)
    back = read_evidence(write_evidence(evidence))
    assert isinstance(back, DetectionEvidence)
    expected = {"ap": scores.ap, "ap50": scores.ap50}
    assert _metrics(back, np.ones(count)) == pytest.approx(expected, abs=1e-14)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 4), min_size=2, max_size=7))
def test_weights_are_how_often_an_image_stands_in_the_data(seed: int, times: list[int]) -> None:
    data, found = _case(seed, len(times))
    weights = np.array(times)
    weights[np.argsort([image.id for image in data.images]).argsort()[0]] += 1
    scores = evaluate_detections(*_standing(data, found, weights))
    _, evidence = examine_detections(data, found)
    expected = {"ap": scores.ap, "ap50": scores.ap50}
    assert _metrics(evidence, weights) == pytest.approx(expected, abs=1e-14)


def test_each_choice_of_many_is_what_it_is_alone() -> None:
    data, found = _case(11, 7)
    _, evidence = examine_detections(data, found)
    weights = np.random.default_rng(0).multinomial(7, [1 / 7] * 7, 50).astype(np.float64)
    many = evidence.metrics(weights)
    alone = [_metrics(evidence, row) for row in weights]
    np.testing.assert_allclose(many["ap"], [one["ap"] for one in alone], atol=1e-14)


def test_without_objects_there_is_no_ap() -> None:
    data, found = _case(3, 4)
    bare = replace(data.images[1], boxes=np.zeros((0, 4), np.float32), labels=np.zeros(0, int))
    data = _dataset((data.images[0], bare, *data.images[2:]))
    _, evidence = examine_detections(data, found)
    ids = sorted(image.id for image in data.images)
    assert np.isnan(_metrics(evidence, [float(number == bare.id) for number in ids])["ap"])


def test_of_a_class_the_hundred_best_of_an_image_count() -> None:
    random = np.random.default_rng(0)
    (image,) = _case(0, 1)[0].images
    found = Detections(
        boxes=np.tile(image.boxes, (150, 1)),
        scores=random.permutation(np.linspace(0.1, 0.9, 150, dtype=np.float32)),
        labels=np.zeros(150, np.int64),
    )
    scores, evidence = examine_detections(_dataset([image]), {image.id: found})
    assert len(evidence.score) == 100
    np.testing.assert_array_equal(evidence.score, np.sort(found.scores)[:49:-1])
    assert _metrics(evidence, [1])["ap"] == pytest.approx(scores.ap)


def test_boxes_are_those_that_were_found() -> None:
    data, found = _case(5, 3)
    _, evidence = examine_detections(data, found)
    images = sorted(data.images, key=lambda one: one.id)
    for place, image in enumerate(images):
        kept = evidence.image == place
        corners = [evidence.x0, evidence.y0, evidence.x1, evidence.y1]
        boxes = np.stack([corner[kept] for corner in corners], axis=1) / PIXEL
        order = np.lexsort((-found[image.id].scores, found[image.id].labels))
        np.testing.assert_array_equal(evidence.label[kept], found[image.id].labels[order])
        np.testing.assert_allclose(boxes, found[image.id].boxes[order], atol=0.5 / PIXEL + 1e-4)


@given(st.integers(0, 2**32), st.lists(st.integers(0, 3), min_size=1, max_size=5))
def test_scores_of_masks_are_those_of_the_pixels_of_the_choice(seed: int, times: list[int]) -> None:
    random = np.random.default_rng(seed)
    shapes = [(4, int(width)) for width in random.integers(3, 9, len(times))]
    logits = [random.normal(0, 2, shape).astype(np.float32) for shape in shapes]
    masks = [(random.random(shape) < 0.5).astype(np.uint8) for shape in shapes]
    all_of_them, standing = MaskScores(), MaskScores()
    for one, mask, count in zip(logits, masks, times, strict=True):
        all_of_them.add(one, mask)
        for _ in range(count):
            standing.add(one, mask)
    evidence = all_of_them.evidence(range(len(times)))
    found = evidence.metrics(np.array([times], np.float64))
    assert found["miou"][0] == pytest.approx(standing.miou, abs=1e-14)
    assert found["f_measure"][0] == pytest.approx(standing.f_measure, abs=1e-14)
    assert found["mae"][0] == pytest.approx(standing.mae, abs=1e-12)


def _classified(labels: Sequence[int]) -> ClassifiedSet:
    images = tuple(ClassifiedImage(path=Path("x.png"), label=label) for label in labels)
    return ClassifiedSet(name="made up", classes=CLASSES, images=images, sha256="")


ONE_BY_ONE = Letterbox.fit(Size(SIDE, SIDE), Size(SIDE, SIDE))


def test_hits_of_a_classifier_are_kept_image_by_image() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 20)
    scores = random.random((20, 4), dtype=np.float32)
    card = ModelCard(network="n", task="classification", classes=CLASSES)
    data = _classified(labels.tolist())
    evaluator = tasks()["classification"].evaluator(card, data)
    for image, row in zip(data.images, scores, strict=True):
        evaluator.add(image, ONE_BY_ONE, {"scores": row[None]})
    weights = random.integers(0, 3, 20)
    chosen = np.repeat(np.arange(20), weights)
    expected = score_classes(scores[chosen], labels[chosen])
    found = evaluator.evidence().metrics(weights[None].astype(np.float64))
    assert (found["top1"][0], found["top5"][0]) == pytest.approx((expected.top1, expected.top5))


def test_what_a_detector_is_given_later_is_in_its_scores() -> None:
    data, _ = _case(1, 2)
    card = ModelCard(network="n", task="detection", layout="sizewise", classes=CLASSES)
    evaluator = tasks()["detection"].evaluator(card, data)
    for image in data.images:
        scores = np.eye(4, dtype=np.float32)[image.labels][None] * 0.9
        evaluator.add(image, ONE_BY_ONE, {"boxes": image.boxes[None], "scores": scores})
    found = evaluator.evidence().metrics(np.ones((1, 2)))
    assert {name: float(value[0]) for name, value in found.items()} == evaluator.scores()
    assert evaluator.scores()["ap"] == pytest.approx(1)
