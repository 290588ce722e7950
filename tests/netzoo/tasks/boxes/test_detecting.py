"""What is found does not depend on where the outputs stand, or on who suppressed them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from netzoo.tasks.boxes.detecting import detect
from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.layouts import SUPPRESSED
from netzoo.tasks.wordtree import WordTree
from sizewise.core.errors import InferenceError, InputError
from sizewise.core.specs import Suppression

Array = NDArray[Any]
BATCH, COUNT, CLASSES = 2, 40, 3


def _random(seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 60, (BATCH, COUNT, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 40, (BATCH, COUNT, 2))], -1)
    return boxes.astype(np.float32), rng.random((BATCH, COUNT, CLASSES), np.float32)


def _transposed(boxes: Array, scores: Array) -> dict[str, Array]:
    centres, sides = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    return {"output0": np.concatenate([centres, sides, scores], -1).transpose(0, 2, 1)}


def _suppressed(found: tuple[Detections, ...]) -> dict[str, Array]:
    """In the form of a graph that suppresses, with room for all."""
    rows = np.zeros((BATCH, COUNT * CLASSES, 6), np.float32)
    rows[..., 5] = -1
    for image, one in zip(rows, found, strict=True):
        columns = (one.boxes, one.scores[:, None], one.labels[:, None])
        image[: len(one.scores)] = np.concatenate(columns, 1)
    return {"detections": rows}


def _expect_same(found: tuple[Detections, ...], expected: tuple[Detections, ...]) -> None:
    assert len(found) == len(expected) == BATCH
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one.labels, other.labels)
        assert_array_equal(one.scores, other.scores)
        assert_allclose(one.boxes, other.boxes, atol=1e-4)


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    score=st.floats(0, 0.95),
    iou=st.floats(0.1, 0.9),
    most=st.integers(1, 50),
)
def test_whoever_suppresses_finds_the_same(seed: int, score: float, iou: float, most: int) -> None:
    boxes, scores = _random(seed)
    suppression = Suppression(score_threshold=score, iou_threshold=iou, max_detections=most)
    whole = Suppression(score_threshold=0, iou_threshold=iou, max_detections=COUNT * CLASSES)
    ours = {"boxes": boxes, "scores": scores}
    expected = detect("sizewise", ours, suppression)
    in_graph = _suppressed(detect("sizewise", ours, whole))
    _expect_same(detect(SUPPRESSED, in_graph, suppression), expected)
    _expect_same(detect(SUPPRESSED, _suppressed(expected), suppression), expected)


def test_another_layout_finds_the_same() -> None:
    boxes, scores = _random(0)
    expected = detect("sizewise", {"boxes": boxes, "scores": scores}, Suppression())
    found = detect("b_4c_n", _transposed(boxes, scores), Suppression(), class_count=CLASSES)
    _expect_same(found, expected)


def test_the_number_of_classes_is_held_against_every_layout() -> None:
    boxes, scores = _random(0)
    ours = {"boxes": boxes, "scores": scores}
    in_graph = _suppressed(detect("sizewise", ours, Suppression()))
    for layout, outputs in (("sizewise", ours), (SUPPRESSED, in_graph)):
        with pytest.raises(InputError, match=r"instead of 2|of 2 classes"):
            detect(layout, outputs, Suppression(), class_count=2)


TREE = WordTree((-1, -1, 0, 0))
"""Classes 2 and 3 are kinds of class 0."""


@pytest.mark.parametrize(
    ("objectness", "probabilities", "expected"),
    [
        (0.8, [0.9, 0.1, 0.7, 0.2], [(2, 0.56)]),
        (0.8, [0.9, 0.1, 0.45, 0.45], [(0, 0.72)]),
        (0.3, [0.9, 0.1, 0.8, 0.1], []),
        (0.8, [0.5, 0.5, 0.3, 0.2], []),
    ],
)
def test_a_box_of_a_tree_has_the_one_label_that_is_certain(
    objectness: float, probabilities: list[float], expected: list[tuple[int, float]]
) -> None:
    scores = objectness * np.array([[probabilities]], np.float32)
    outputs = {"boxes": np.array([[[1, 2, 3, 4]]], np.float32), "scores": scores}
    (found,) = detect("sizewise", outputs, Suppression(), class_count=4, tree=TREE)
    assert found.labels.tolist() == [label for label, _ in expected]
    assert_allclose(found.scores, [score for _, score in expected], rtol=1e-6)


def test_a_lower_threshold_of_the_tree_leads_further_down() -> None:
    scores = np.array([[[0.9, 0.1, 0.45, 0.40]]], np.float32)
    outputs = {"boxes": np.array([[[1, 2, 3, 4]]], np.float32), "scores": scores}
    for threshold, label in ((0.5, 0), (0.4, 2)):
        (found,) = detect("sizewise", outputs, Suppression(), tree=TREE, tree_threshold=threshold)
        assert found.labels.tolist() == [label]


def test_nan_does_not_get_lost_in_a_tree() -> None:
    outputs = {"boxes": np.zeros((1, 2, 4)), "scores": np.full((1, 2, 4), np.nan)}
    with pytest.raises(InferenceError) as error:
        detect("sizewise", outputs, Suppression(), tree=TREE)
    assert error.value.reason_code == "numerics"
