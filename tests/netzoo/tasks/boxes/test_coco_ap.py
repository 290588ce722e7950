from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from netzoo.data.coco.dataset import AnnotatedImage, Dataset, read_coco, write_coco
from netzoo.tasks.boxes.coco_ap import DetectionScores, coco_figures, evaluate_detections
from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.figures import COCO_TITLES
from sizewise.core.errors import InputError

CATEGORY_IDS = (40, 7, 99)


def _image(number: int, seed: int, count: int, crowds: int) -> AnnotatedImage:
    rng = np.random.default_rng([seed, number])
    near, sides = rng.uniform(0, 200, (count + crowds, 2)), rng.uniform(10, 90, (count + crowds, 2))
    boxes = np.concatenate([near, near + sides], axis=1).astype(np.float32)
    labels = rng.integers(0, 2, count + crowds)
    return AnnotatedImage(
        id=number,
        path=Path(f"{number}.png"),
        height=320,
        width=320,
        boxes=boxes[:count],
        labels=labels[:count],
        crowd_boxes=boxes[count:],
        crowd_labels=labels[count:],
        segments=(None,) * (count + crowds),
    )


def _dataset(*images: AnnotatedImage) -> Dataset:
    return Dataset(
        name="made up",
        classes=("a", "b", "never there"),
        category_ids=CATEGORY_IDS,
        images=images,
        sha256="",
    )


def _found(image: AnnotatedImage, shift: float = 0) -> Detections:
    return Detections(
        boxes=image.boxes + np.array([shift, 0, shift, 0], np.float32),
        scores=np.linspace(0.9, 0.5, len(image.boxes), dtype=np.float32),
        labels=image.labels,
    )


def _nothing() -> Detections:
    return Detections(
        boxes=np.zeros((0, 4), np.float32),
        scores=np.zeros(0, np.float32),
        labels=np.zeros(0, np.int64),
    )


def test_perfect_detections_score_1() -> None:
    dataset = _dataset(*(_image(number, 0, 5, 1) for number in (3, 8)))
    found = {image.id: _found(image) for image in dataset.images}
    scores = evaluate_detections(dataset, found)
    assert [scores.ap, scores.ap50, scores.ap75] == pytest.approx([1, 1, 1])


def test_finding_nothing_scores_0() -> None:
    dataset = _dataset(_image(1, 0, 5, 0))
    assert evaluate_detections(dataset, {1: _nothing()}) == DetectionScores(ap=0, ap50=0, ap75=0)


@pytest.mark.parametrize(("iou", "thresholds"), [(0.52, 1), (0.62, 3), (0.77, 6), (0.97, 10)])
def test_shifted_detections_score_by_the_thresholds_they_pass(iou: float, thresholds: int) -> None:
    image = _image(1, 0, 1, 0)
    width = float(image.boxes[0, 2] - image.boxes[0, 0])
    shift = width * (1 - iou) / (1 + iou)
    scores = evaluate_detections(_dataset(image), {1: _found(image, shift)})
    assert scores.ap == pytest.approx(thresholds / 10)
    assert scores.ap50 == pytest.approx(1)
    assert scores.ap75 == pytest.approx(float(iou > 0.75))


def test_one_false_alarm_above_one_hit_is_one_half() -> None:
    image = _image(1, 0, 1, 0)
    boxes = np.concatenate([image.boxes + 100, image.boxes])
    found = Detections(
        boxes=boxes,
        scores=np.array([0.9, 0.8], np.float32),
        labels=np.repeat(image.labels, 2),
    )
    assert evaluate_detections(_dataset(image), {1: found}).ap50 == pytest.approx(0.5)


def test_what_is_found_in_a_crowd_is_no_false_alarm() -> None:
    image = replace(_image(1, 0, 1, 0), segments=(None, None))
    crowd = replace(image, crowd_boxes=image.boxes + 100, crowd_labels=image.labels)
    found = Detections(
        boxes=np.concatenate([image.boxes + 100, image.boxes]),
        scores=np.array([0.9, 0.8], np.float32),
        labels=np.repeat(image.labels, 2),
    )
    assert evaluate_detections(_dataset(crowd), {1: found}).ap == pytest.approx(1)


def _guesses(image: AnnotatedImage, seed: int) -> Detections:
    """The boxes, jittered, some with another label, and false alarms."""
    rng = np.random.default_rng([seed, image.id, 1])
    boxes = np.concatenate([image.boxes, image.crowd_boxes, image.boxes[:2]])
    boxes = boxes + rng.normal(0, 4, boxes.shape).astype(np.float32)
    labels = np.concatenate([image.labels, image.crowd_labels, image.labels[:2]])
    labels = np.where(rng.random(len(labels)) < 0.1, 2, labels)
    return Detections(
        boxes=boxes.astype(np.float32),
        scores=rng.random(len(boxes), dtype=np.float32),
        labels=labels.astype(np.int64),
    )


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    counts=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=5),
)
def test_scores_are_cocoevals_on_the_files(
    seed: int, counts: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("coco")
    images = [_image(n, seed, *count) for n, count in enumerate([(2, 0), *counts], start=1)]
    dataset = _dataset(*(replace(image, path=folder / image.path) for image in images))
    found = {image.id: _guesses(image, seed) for image in images}
    official = _cocoeval_on_files(dataset, found, folder)
    scores = evaluate_detections(dataset, found)
    assert [scores.ap, scores.ap50, scores.ap75] == pytest.approx(official[:3], abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    counts=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=5),
)
def test_the_twelve_figures_are_cocoevals_on_the_files(
    seed: int, counts: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Areas are no longer those of the boxes, as of masks, and are kept when the file is read."""
    folder = tmp_path_factory.mktemp("coco")
    made = [_image(n, seed, *count) for n, count in enumerate([(2, 0), *counts], start=1)]
    areas = np.random.default_rng(seed).uniform(0, 120, (len(made), 8)) ** 2
    images = [
        replace(image, path=folder / image.path, areas=tuple(own[: len(image.segments)].tolist()))
        for image, own in zip(made, areas, strict=True)
    ]
    found = {image.id: _guesses(image, seed) for image in images}
    official = _cocoeval_on_files(_dataset(*images), found, folder)
    for image in images:
        image.path.touch()
    read = read_coco(folder / "truth.json")
    assert [image.areas for image in read.images] == [image.areas for image in images]
    # In the file, classes are in the order of their ids.
    order = np.argsort(np.argsort(CATEGORY_IDS))
    relabelled = {n: replace(one, labels=order[one.labels]) for n, one in found.items()}
    ours = coco_figures(read, relabelled)
    theirs = dict(zip(COCO_TITLES, official, strict=True))
    assert {n: -1 if v is None else v for n, v in ours.values.items()} == pytest.approx(theirs)
    for name, number in zip(("a", "b", "never there"), CATEGORY_IDS, strict=True):
        (ap, *_) = _cocoeval_on_files(_dataset(*images), found, folder, category=number)
        assert ours.ap_by_class.get(name, -1) == pytest.approx(ap)


def test_an_area_that_is_missing_or_none_is_that_of_the_box(tmp_path: Path) -> None:
    made = replace(_image(1, 0, 4, 0), path=tmp_path / "1.png")
    write_coco(_dataset(made), tmp_path / "truth.json")
    coco = json.loads((tmp_path / "truth.json").read_text())
    for annotation, area in zip(coco["annotations"], (None, -1, 1e11, 7), strict=True):
        annotation["area"] = area
    (tmp_path / "truth.json").write_text(json.dumps(coco))
    made.path.touch()
    (image,) = read_coco(tmp_path / "truth.json").images
    of_boxes = (image.boxes[:, 2:] - image.boxes[:, :2]).prod(1)
    assert sorted(image.areas) == pytest.approx(sorted([*of_boxes[:3].tolist(), 7]))


def _cocoeval_on_files(
    dataset: Dataset, found: dict[int, Detections], folder: Path, *, category: int | None = None
) -> list[float]:
    write_coco(dataset, folder / "truth.json")
    results = [
        {
            "image_id": image_id,
            "category_id": CATEGORY_IDS[label],
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "score": score,
        }
        for image_id, one in found.items()
        for (x0, y0, x1, y1), score, label in zip(
            one.boxes.tolist(), one.scores.tolist(), one.labels.tolist(), strict=True
        )
    ]
    (folder / "found.json").write_text(json.dumps(results))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(folder / "truth.json")
        evaluation: Any = COCOeval(truth, truth.loadRes(str(folder / "found.json")), "bbox")
        if category is not None:
            evaluation.params.catIds = [category]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return list(evaluation.stats)


def test_it_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    image = _image(1, 0, 3, 0)
    evaluate_detections(_dataset(image), {1: _found(image)})
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("ids", [(1,), (1, 2, 3), (1, 3)])
def test_detections_of_other_images_are_refused(ids: tuple[int, ...]) -> None:
    dataset = _dataset(_image(1, 0, 2, 0), _image(2, 0, 2, 0))
    with pytest.raises(InputError, match="do not fit the data set made up"):
        evaluate_detections(dataset, {number: _nothing() for number in ids})


def test_labels_that_the_data_set_lacks_are_refused() -> None:
    image = _image(1, 0, 1, 0)
    found = replace(_found(image), labels=np.array([3]))
    with pytest.raises(InputError, match="labels go from 3 to 3, classes to 2"):
        evaluate_detections(_dataset(image), {1: found})


def test_without_annotations_there_is_no_average_precision() -> None:
    with pytest.raises(InputError, match="average precision is not defined"):
        evaluate_detections(_dataset(_image(1, 0, 0, 1)), {1: _nothing()})
