"""The pass by itself: its graph finds what NumPy's suppression and ONNX's own evaluator find."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from onnx.reference import ReferenceEvaluator

from exporter.graph.passes import run_pass
from exporter.graph.serializing import to_bytes
from exporter.suppression.insert import Suppress, suppressed_card
from netzoo.tasks.layouts import read_suppressed
from sizewise.core.errors import ExportError, UsageError
from sizewise.core.specs import ModelCard, Suppression, TaskName
from tests.exporter.detectors import Floats, crowd, run, suppressed, write_cells

THIS = Suppression(score_threshold=0.3, iou_threshold=0.5, max_detections=12)
GIVEN = """
<ir_version: 8, opset_import: ["" : {opset}]>
given (float[batch, n, 4] places, float[batch, n, c] chances) =>
    (float[batch, n, 4] boxes, float[batch, n, c] scores)
{{ boxes = Identity (places) scores = Identity (chances) }}
"""


def graph(suppression: Suppression, opset: int = 20) -> onnx.ModelProto:
    """``places`` [B, N, 4] and ``chances`` [B, N, C] → detections."""
    return run_pass(Suppress(suppression), onnx.parser.parse_model(GIVEN.format(opset=opset)))


def found(boxes: Floats, scores: Floats, suppression: Suppression, opset: int = 20) -> Floats:
    return run(graph(suppression, opset), places=boxes, chances=scores)


suppressions = st.builds(
    Suppression,
    score_threshold=st.floats(0, 0.99),
    iou_threshold=st.floats(0.05, 0.95),
    max_detections=st.integers(1, 60),
)


@settings(deadline=None, max_examples=60)
@given(
    images=st.integers(1, 4),
    count=st.integers(1, 60),
    classes=st.integers(1, 5),
    seed=st.integers(0, 2**32),
    suppression=suppressions,
)
def test_it_finds_what_numpy_finds(
    images: int, count: int, classes: int, seed: int, suppression: Suppression
) -> None:
    boxes, scores = crowd(images, count, classes, seed)
    assert_array_equal(found(boxes, scores, suppression), suppressed(boxes, scores, suppression))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), levels=st.integers(2, 6), suppression=suppressions)
def test_of_equal_scores_the_earlier_box_is_first(
    seed: int, levels: int, suppression: Suppression
) -> None:
    boxes, scores = crowd(2, 30, 3, seed)
    few = (np.ceil(scores * levels) / levels).astype(np.float32)
    assert_array_equal(found(boxes, few, suppression), suppressed(boxes, few, suppression))


@settings(deadline=None, max_examples=20)
@given(
    images=st.integers(1, 3),
    count=st.integers(1, 12),
    seed=st.integers(0, 2**32),
    suppression=suppressions,
)
def test_the_reference_of_onnx_reads_the_graph_alike(
    images: int, count: int, seed: int, suppression: Suppression
) -> None:
    boxes, scores = crowd(images, count, 2, seed)
    proto = graph(suppression)
    (read,) = ReferenceEvaluator(proto).run(None, {"places": boxes, "chances": scores})
    assert_array_equal(read, run(proto, places=boxes, chances=scores))


def test_one_image_has_none_one_has_few_and_one_has_more_than_are_kept() -> None:
    boxes, scores = crowd(3, 40, 2, 0)
    boxes[1, :2], scores[:2] = [0, 0, 9, 9], 0
    scores[1, :2] = [[0.9, 0], [0, 0.8]]
    rows = found(boxes, scores, THIS)
    unused = np.array([0, 0, 0, 0, 0, -1], np.float32)
    assert rows.shape == (3, 12, 6)
    assert_array_equal(rows[0], [unused] * 12)
    assert_array_equal(rows[1, :2], np.array([[0, 0, 9, 9, 0.9, 0], [0, 0, 9, 9, 0.8, 1]], "f4"))
    assert_array_equal(rows[1, 2:], [unused] * 10)
    assert (rows[2, :, 5] >= 0).all()
    assert (np.diff(rows[..., 4]) <= 0).all()
    assert [len(image.scores) for image in read_suppressed({"detections": rows})] == [0, 2, 12]


def test_a_box_at_infinity_that_nobody_asks_for_leaves_no_trace() -> None:
    boxes, scores = crowd(1, 5, 2, 0)
    boxes[0, 0], scores[0] = np.inf, 0
    assert_array_equal(found(boxes, scores, THIS)[0], [[0, 0, 0, 0, 0, -1]] * 12)


@pytest.mark.parametrize("opset", [11, 12, 13, 18])
def test_older_opsets_will_do(opset: int) -> None:
    boxes, scores = crowd(2, 50, 3, 1)
    assert_array_equal(found(boxes, scores, THIS, opset), suppressed(boxes, scores, THIS))


def test_the_output_is_typed_and_the_graph_valid() -> None:
    proto = graph(THIS)
    to_bytes(proto)
    (output,) = proto.graph.output
    sides = [d.dim_param or d.dim_value for d in output.type.tensor_type.shape.dim]
    assert (output.name, sides) == ("detections", ["batch", 12, 6])
    (node,) = (n for n in proto.graph.node if n.op_type == "NonMaxSuppression")
    assert not node.attribute  # corners, not centres


def test_a_file_of_the_first_version_may_list_its_constants_as_inputs() -> None:
    text = GIVEN.format(opset=11).replace("ir_version: 8", "ir_version: 3")
    proto = run_pass(Suppress(THIS), onnx.parser.parse_model(text))
    boxes, scores = crowd(1, 20, 2, 2)
    assert_array_equal(run(proto, places=boxes, chances=scores), suppressed(boxes, scores, THIS))


def test_an_opset_before_11_is_refused() -> None:
    with pytest.raises(ExportError, match="its opset is 10, and NMS needs 11"):
        graph(THIS, opset=10)


def test_suppression_is_put_in_once() -> None:
    with pytest.raises(ExportError, match="the graph has NMS already"):
        run_pass(Suppress(THIS), graph(THIS))


@pytest.mark.parametrize(
    ("written", "asked", "outputs"),
    [
        ("sizewise", "b_4c_n", "boxes, scores"),
        ("b_4c_n", "sizewise", "detections"),
    ],
)
def test_outputs_of_another_layout_are_refused(
    tmp_path: Path, written: str, asked: str, outputs: str
) -> None:
    proto = onnx.load(write_cells(tmp_path / "cells.onnx", written).path)
    with pytest.raises(ExportError, match=f"outputs {outputs} do not have the layout {asked}"):
        run_pass(Suppress(THIS, asked), proto)


def test_a_threshold_that_did_not_get_in_is_noticed() -> None:
    proto = graph(THIS)
    with pytest.raises(ExportError, match="the graph holds another iou_threshold"):
        Suppress(replace(THIS, iou_threshold=0.6)).ensures(proto)


def test_an_unknown_layout_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no NMS layout named 'raw'.*b_4c_n, b_n_5c"):
        Suppress(THIS, "raw")


@pytest.mark.parametrize("task", ["segmentation", "classification", "unknown"])
def test_only_detectors_have_boxes_to_suppress(task: TaskName) -> None:
    with pytest.raises(UsageError, match=f"its task is {task}"):
        suppressed_card(ModelCard(network="net", task=task), THIS)


def test_a_tree_of_classes_and_a_second_suppression_are_refused() -> None:
    card = ModelCard(network="net", task="detection", layout="sizewise")
    with pytest.raises(UsageError, match="walking down the tree"):
        suppressed_card(replace(card, tree=(-1, 0)), THIS)
    with pytest.raises(UsageError, match="has NMS in its graph already"):
        suppressed_card(suppressed_card(card, THIS), THIS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"score_threshold": 1.0},
        {"score_threshold": -0.1},
        {"iou_threshold": 1.1},
        {"iou_threshold": float("nan")},
        {"max_detections": 0},
    ],
)
def test_thresholds_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="NMS can't be given these options"):
        Suppression(**wrong)  # type: ignore[arg-type]
