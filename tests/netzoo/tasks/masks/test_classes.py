"""mIoU over classes: by scikit-learn, and over any choice of the images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.data.masks.index import IndexMask
from netzoo.data.masks.label_maps import LEFT_OUT
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.masks.class_segmenting import ClassMaskEvaluator
from netzoo.tasks.masks.classes import (
    NO_CLASS,
    ClassMaskScores,
    channel_labels,
    channel_names,
)
from netzoo.tasks.registry import find_task
from netzoo.tasks.task import Evaluator
from sizewise.core.errors import InputError
from sizewise.core.evidence import accuracy_interval, read_evidence, write_evidence
from sizewise.core.specs import ModelCard, Size

metrics = pytest.importorskip("sklearn.metrics")

Labels = NDArray[np.int32]
CLASSES = ("cat", "dog", "cow")


@st.composite
def maps(draw: st.DrawFn) -> list[tuple[Labels, Labels]]:
    """Prediction and truth of images of different sizes, some pixels left out, some classes
    absent."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    made = []
    for number in range(draw(st.integers(1, 4))):
        shape = (5, number + 3)
        truth = random.choice([LEFT_OUT, 0, 1, 2, 3], shape, p=[0.1, 0.4, 0.3, 0.2, 0])
        wrong = random.integers(NO_CLASS, 4, shape)
        found = np.where(random.random(shape) < draw(st.floats(0, 1)), truth, wrong)
        made.append((found.astype(np.int32), truth.astype(np.int32)))
    return made


def scored(images: list[tuple[Labels, Labels]], *, background: bool) -> ClassMaskScores:
    scores = ClassMaskScores(classes=len(CLASSES), background=background)
    for found, truth in images:
        scores.add(found, truth)
    return scores


def by_scikit_learn(images: list[tuple[Labels, Labels]], *, background: bool) -> dict[int, float]:
    """IoU of each class that is in the truth or in the prediction."""
    found = np.concatenate([one.ravel() for one, _ in images])
    truth = np.concatenate([one.ravel() for _, one in images])
    counted = (truth != LEFT_OUT) & (background | (truth != 0))
    found, truth = found[counted], truth[counted]
    labels = [n for n in range(0 if background else 1, 4) if n in found or n in truth]
    if not labels:
        return {}
    ious = metrics.jaccard_score(truth, found, labels=labels, average=None, zero_division=0)
    return dict(zip(labels, ious.tolist(), strict=True))


@settings(deadline=None)
@given(images=maps(), background=st.booleans())
def test_ious_are_scikit_learns(images: list[tuple[Labels, Labels]], background: bool) -> None:
    evidence = scored(images, background=background).evidence(range(len(images)))
    ones = np.ones((1, len(images)))
    found = dict(zip(evidence.labels.tolist(), evidence.ious(ones)[:, 0].tolist(), strict=True))
    expected = by_scikit_learn(images, background=background)
    assert found == pytest.approx(expected)
    miou = evidence.metrics(ones)["miou"][0]
    assert miou == pytest.approx(
        np.mean(list(expected.values())) if expected else np.nan, nan_ok=True
    )


@settings(deadline=None)
@given(images=maps(), data=st.data())
def test_a_choice_of_images_scores_as_if_they_were_all(
    images: list[tuple[Labels, Labels]], data: st.DataObject
) -> None:
    times = data.draw(st.lists(st.integers(0, 2), min_size=len(images), max_size=len(images)))
    evidence = scored(images, background=True).evidence(range(len(images)))
    taken = [one for one, count in zip(images, times, strict=True) for _ in range(count)]
    expected = by_scikit_learn(taken, background=True) if taken else {}
    found = evidence.metrics(np.array([times], np.float64))["miou"][0]
    assert found == pytest.approx(
        np.mean(list(expected.values())) if expected else np.nan, nan_ok=True
    )


def test_evidence_is_stored_and_has_an_interval() -> None:
    random = np.random.default_rng(0)
    truth = [random.integers(0, 4, (6, 6), np.int32) for _ in range(12)]
    images = [
        (np.where(random.random((6, 6)) < 0.8, one, 0).astype(np.int32), one) for one in truth
    ]
    evidence = scored(images, background=True).evidence(range(12))
    back = read_evidence(write_evidence(evidence))
    assert back.shows_images_of(evidence)
    interval = accuracy_interval(back, "miou")
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low < interval.point < interval.high


def data_of(classes: tuple[str, ...], *, background: bool = True) -> Dataset:
    return Dataset(
        name="d",
        classes=classes,
        category_ids=tuple(range(len(classes))),
        images=(),
        sha256="",
        background=background,
    )


@pytest.mark.parametrize(
    ("names", "channels", "data", "background", "labels"),
    [
        ((), 4, CLASSES, True, [0, 1, 2, 3]),
        ((), 3, CLASSES, True, [1, 2, 3]),
        ((), 3, CLASSES, False, [1, 2, 3]),
        (("dog", "cow", "cat"), 4, CLASSES, True, [0, 2, 3, 1]),
        (("dog", "cow", "cat"), 3, CLASSES, False, [2, 3, 1]),
        (("__background__", "dog", "cow", "cat"), 4, CLASSES, True, [0, 2, 3, 1]),
        (("dog", "cow", "cat", "Background"), 4, CLASSES, True, [2, 3, 1, 0]),
        (("dog", "sheep", "cat"), 4, ("cat", "dog"), True, [0, 2, 0, 1]),
        (("dog", "sheep", "cat"), 3, ("cat", "dog"), True, [2, NO_CLASS, 1]),
        (("dog", "sheep", "cat"), 4, ("cat", "dog"), False, [0, 2, NO_CLASS, 1]),
        ((), None, CLASSES, True, [0, 1, 2, 3]),
        ((), None, CLASSES, False, [1, 2, 3]),
        (("dog", "cow", "cat"), None, CLASSES, True, [0, 2, 3, 1]),
        (("cow", "background", "cat", "dog"), None, CLASSES, True, [3, 0, 1, 2]),
        (("dog", "cat"), 3, ("background", "cat", "dog"), True, [0, 3, 2]),
    ],
)
def test_channels_are_the_classes_that_are_named(
    names: tuple[str, ...],
    channels: int | None,
    data: tuple[str, ...],
    background: bool,
    labels: list[int],
) -> None:
    found = channel_labels(names, data_of(data, background=background), channels)
    assert found.tolist() == labels


@pytest.mark.parametrize("channels", [2, 5, 21])
def test_another_number_of_classes_is_refused(channels: int) -> None:
    with pytest.raises(InputError, match=rf"has {channels} classes: 3 are named.*names"):
        channel_names(CLASSES, channels, background=True)
    with pytest.raises(InputError, match=rf"has {channels} classes"):
        channel_labels((), data_of(CLASSES), channels)
    with pytest.raises(InputError, match="cow are not among"):
        channel_labels(("cat", "dog", "sheep"), data_of(CLASSES), 4)


def image(truth: Labels, folder: Path, number: int) -> AnnotatedImage:
    from PIL import Image

    path = folder / f"{number}.png"
    Image.fromarray(truth.astype(np.uint8)).save(path)
    nothing = np.zeros((0, 4), np.float32)
    return AnnotatedImage(
        id=number,
        path=path,
        height=truth.shape[0],
        width=truth.shape[1],
        boxes=nothing,
        labels=np.zeros(0, np.int64),
        crowd_boxes=nothing,
        crowd_labels=np.zeros(0, np.int64),
        segments=(),
        mask_file=IndexMask(path=path, labels=(0, 1, 2, 3)),
    )


def evaluated(
    card: ModelCard, truth: Labels, output: NDArray[np.float32], folder: Path
) -> Evaluator:
    task = find_task("segmentation")
    evaluator = task.evaluator(card, data_of(CLASSES))
    size = Size(*truth.shape)
    evaluator.add(image(truth, folder, 7), Letterbox.fit(size, size), {"out": output})
    return evaluator


CARD = ModelCard(network="n", task="segmentation", layout="b_c_h_w")


def test_a_model_that_is_right_has_an_iou_of_one_in_each_class(tmp_path: Path) -> None:
    truth = np.random.default_rng(0).integers(0, 4, (6, 8), np.int32).repeat(4, 0).repeat(4, 1)
    scores = np.eye(4, dtype=np.float32)[truth].transpose(2, 0, 1)[None]
    evaluator = evaluated(CARD, truth, scores, tmp_path)
    assert isinstance(evaluator, ClassMaskEvaluator)
    assert evaluator.scores() == {"miou": 1}
    assert evaluator.by_class() == dict.fromkeys(("background", *CLASSES), 1.0)


def test_without_a_background_in_the_model_pixels_of_no_class_do_not_count(tmp_path: Path) -> None:
    truth = np.array([[0, 0, 1, 1], [2, 2, 3, 3]], np.int32)
    scores = np.eye(3, dtype=np.float32)[np.array([[0, 1, 0, 0], [1, 1, 2, 2]])]
    evaluator = evaluated(CARD, truth, scores.transpose(2, 0, 1)[None], tmp_path)
    assert evaluator.scores() == {"miou": 1}
    assert set(evaluator.by_class()) == set(CLASSES)


def test_a_number_beyond_the_classes_is_refused(tmp_path: Path) -> None:
    card = ModelCard(network="n", task="segmentation", layout="b_h_w")
    truth = np.zeros((2, 4), np.int32)
    with pytest.raises(InputError, match="gives the class 9: it has 4 classes"):
        evaluated(card, truth, np.full((1, 2, 4), 9, np.float32), tmp_path)


def test_nothing_that_counts_has_no_score(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pixel of it has a class that counts"):
        evaluated(
            CARD, np.full((2, 4), 255, np.int32), np.zeros((1, 4, 2, 4), np.float32), tmp_path
        ).scores()
