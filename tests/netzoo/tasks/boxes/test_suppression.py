from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from netzoo.tasks.boxes.suppression import Detections, suppress
from sizewise.core.errors import InferenceError

Floats = NDArray[np.float32]


@cache
def _onnx_suppression() -> Any:
    """ONNX Runtime's own operator: boxes [1, N, 4], scores [1, C, N] → rows of (0, class, box)."""
    tensor, helper = onnx.TensorProto, onnx.helper
    names = ["boxes", "scores", "most", "iou", "score"]
    node = helper.make_node("NonMaxSuppression", names, ["chosen"])
    inputs = [
        helper.make_tensor_value_info("boxes", tensor.FLOAT, [1, "n", 4]),
        helper.make_tensor_value_info("scores", tensor.FLOAT, [1, "c", "n"]),
        helper.make_tensor_value_info("most", tensor.INT64, [1]),
        helper.make_tensor_value_info("iou", tensor.FLOAT, [1]),
        helper.make_tensor_value_info("score", tensor.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("chosen", tensor.INT64, ["k", 3])]
    model = helper.make_model(
        helper.make_graph([node], "suppression", inputs, outputs),
        opset_imports=[helper.make_opsetid("", 11)],
        ir_version=8,
    )
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def _expected(boxes: Floats, scores: Floats, score: float, iou: float) -> Detections:
    (chosen,) = _onnx_suppression().run(
        None,
        {
            "boxes": boxes[None],
            "scores": np.ascontiguousarray(scores.T[None]),
            "most": np.array([len(boxes)]),
            "iou": np.array([iou], np.float32),
            "score": np.array([score], np.float32),
        },
    )
    labels, rows = chosen[:, 1], chosen[:, 2]
    order = np.argsort(-scores[rows, labels], kind="stable")
    labels, rows = labels[order], rows[order]
    return Detections(boxes=boxes[rows], scores=scores[rows, labels], labels=labels)


def _random(count: int, classes: int, seed: int) -> tuple[Floats, Floats]:
    """Crowded boxes and scores of which no two are equal."""
    rng = np.random.default_rng(seed)
    centres, sides = rng.uniform(0, 60, (count, 2)), rng.uniform(5, 40, (count, 2))
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)
    ranks = rng.permutation(count * classes).reshape(count, classes)
    return boxes.astype(np.float32), ((ranks + 1) / (ranks.size + 1)).astype(np.float32)


@settings(deadline=None)
@given(
    count=st.integers(1, 200),
    classes=st.integers(1, 5),
    seed=st.integers(0, 2**32),
    score=st.floats(0, 0.99),
    iou=st.floats(0.05, 0.95),
)
def test_the_same_stay_as_in_onnx_runtime(
    count: int, classes: int, seed: int, score: float, iou: float
) -> None:
    boxes, scores = _random(count, classes, seed)
    found = suppress(
        boxes, scores, score_threshold=score, iou_threshold=iou, max_detections=count * classes
    )
    expected = _expected(boxes, scores, score, iou)
    assert_array_equal(found.labels, expected.labels)
    assert_array_equal(found.scores, expected.scores)
    assert_array_equal(found.boxes, expected.boxes)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), limit=st.integers(1, 80), candidates=st.integers(1, 240))
def test_limits_cut_off_the_worst_and_change_nothing_else(
    seed: int, limit: int, candidates: int
) -> None:
    boxes, scores = _random(80, 3, seed)
    whole, cut = (
        suppress(
            boxes,
            scores,
            score_threshold=0,
            iou_threshold=0.5,
            max_detections=most,
            max_candidates=looked_at,
        )
        for most, looked_at in ((240, 240), (limit, candidates))
    )
    assert 0 < len(cut.scores) <= min(limit, candidates)
    assert_array_equal(cut.scores, whole.scores[: len(cut.scores)])
    assert_array_equal(cut.boxes, whole.boxes[: len(cut.boxes)])
    assert_array_equal(cut.labels, whole.labels[: len(cut.labels)])


def test_one_box_may_be_two_things() -> None:
    boxes = np.array([[0, 0, 10, 10]], np.float32)
    scores = np.array([[0.9, 0.1, 0.8]], np.float32)
    found = suppress(boxes, scores, score_threshold=0.5, iou_threshold=0.5, max_detections=10)
    assert_array_equal(found.labels, [0, 2])
    assert_allclose(found.scores, [0.9, 0.8])


@pytest.mark.parametrize("count", [0, 5])
def test_nothing_above_the_threshold_is_nothing_found(count: int) -> None:
    boxes, scores = np.zeros((count, 4), np.float32), np.full((count, 3), 0.2, np.float32)
    found = suppress(boxes, scores, score_threshold=0.2, iou_threshold=0.5, max_detections=9)
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == found.labels.shape == (0,)


def test_boxes_without_area_are_harmless() -> None:
    boxes = np.array([[1, 1, 1, 5], [1, 1, 1, 5], [7, 7, 3, 3]], np.float32)
    scores = np.array([[0.9], [0.8], [0.7]], np.float32)
    found = suppress(boxes, scores, score_threshold=0.5, iou_threshold=0.5, max_detections=9)
    assert len(found.scores) == 3


@pytest.mark.parametrize("spoiled", ["score", "box"])
def test_nan_is_a_numerics_error(spoiled: str) -> None:
    boxes, scores = _random(10, 2, 0)
    (scores if spoiled == "score" else boxes)[3, 1] = np.nan
    with pytest.raises(InferenceError) as error:
        suppress(boxes, scores, score_threshold=0, iou_threshold=0.5, max_detections=9)
    assert error.value.reason_code == "numerics"


def test_an_infinite_box_that_nobody_asks_for_is_no_error() -> None:
    boxes, scores = _random(10, 2, 0)
    boxes[3], scores[3] = np.inf, 0
    found = suppress(boxes, scores, score_threshold=0, iou_threshold=0.5, max_detections=9)
    assert np.isfinite(found.boxes).all()
