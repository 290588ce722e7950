from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from netzoo.tasks.layouts import (
    SUPPRESSED,
    layout_names,
    read_detections,
    read_suppressed,
)
from sizewise.core.errors import InferenceError, InputError, UsageError
from sizewise.core.specs import FINAL_LAYOUT, FINAL_LAYOUTS

Array = NDArray[Any]
BATCH, COUNT, CLASSES = 2, 30, 3
RNG = np.random.default_rng(0)
CENTRES, SIDES = RNG.uniform(50, 90, (2, BATCH, COUNT, 2)).astype(np.float32)
BOXES = np.concatenate([CENTRES - SIDES / 2, CENTRES + SIDES / 2], axis=-1)
SCORES = RNG.random((BATCH, COUNT, CLASSES)).astype(np.float32)
OBJECTNESS = np.full((BATCH, COUNT, 1), 0.5, np.float32)

OUTPUTS: dict[str, dict[str, Array]] = {
    "sizewise": {"boxes": BOXES, "scores": SCORES},
    "b_4c_n": {"output0": np.concatenate([CENTRES, SIDES, SCORES], -1).transpose(0, 2, 1)},
    "b_n_5c": {
        "output": np.concatenate([CENTRES, SIDES, OBJECTNESS, SCORES / OBJECTNESS], -1),
        "a map of another rank": np.zeros((BATCH, 3, 8, 8, 6), np.float32),
    },
}


def test_every_layout_is_tried_here() -> None:
    assert set(layout_names()) == OUTPUTS.keys() | {SUPPRESSED, *FINAL_LAYOUTS}


@pytest.mark.parametrize("layout", OUTPUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_layouts_are_read_as_they_were_written(layout: str, dtype: type[np.floating[Any]]) -> None:
    outputs = {name: array.astype(dtype) for name, array in OUTPUTS[layout].items()}
    boxes, scores = read_detections(layout, outputs, class_count=CLASSES)
    assert boxes.dtype == scores.dtype == np.float32
    precision = float(np.finfo(dtype).eps)
    assert_allclose(boxes, BOXES, atol=400 * precision + 1e-4)
    assert_allclose(scores, SCORES, atol=4 * precision + 1e-6)


@pytest.mark.parametrize(
    ("layout", "outputs"),
    [
        ("sizewise", OUTPUTS["b_4c_n"]),
        ("sizewise", {"boxes": BOXES[:, 1:], "scores": SCORES}),
        ("sizewise", {"boxes": SCORES, "scores": SCORES}),
        ("sizewise", {"boxes": BOXES[0], "scores": SCORES[0]}),
        ("b_4c_n", OUTPUTS["sizewise"]),
        ("b_4c_n", {"output": np.zeros((1, 4, 9))}),
        ("b_4c_n", {"map": np.zeros((1, 3, 9, 9))}),
        ("b_n_5c", {"output": np.zeros((1, 9, 5))}),
        ("b_n_5c", {}),
    ],
)
def test_outputs_of_another_layout_are_refused_with_their_shapes(
    layout: str, outputs: dict[str, Array]
) -> None:
    with pytest.raises(InputError, match=f"do not have the layout {layout}") as error:
        read_detections(layout, outputs)
    for name, array in outputs.items():
        assert f"{name} {list(array.shape)}" in str(error.value)


def test_a_transposed_output_is_caught_by_the_number_of_classes() -> None:
    (output,) = OUTPUTS["b_4c_n"].values()
    with pytest.raises(InputError, match="26 classes instead of 3"):
        read_detections("b_4c_n", {"output0": output.transpose(0, 2, 1)}, class_count=CLASSES)


def test_an_unknown_layout_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match="b_4c_n, b_n_5c, sizewise"):
        read_detections("unknown", OUTPUTS["sizewise"])


def _rows(*rows: tuple[float, ...]) -> dict[str, Array]:
    """One image, as a graph with suppression gives it; the last row is not used."""
    return {"detections": np.array([[*rows, (0, 0, 0, 0, 0, -1)]], np.float32)}


def test_what_a_graph_has_suppressed_is_read_best_first() -> None:
    one, other = (1, 2, 3, 4, 0.5, 7), (5, 6, 7, 8, 0.75, 0)
    both = np.concatenate([_rows(one, other)["detections"], np.full((1, 3, 6), -1, np.float32)])
    found, nothing = read_suppressed({"detections": both}, class_count=8)
    assert_allclose(found.boxes, [other[:4], one[:4]])
    assert_allclose(found.scores, [0.75, 0.5])
    assert found.labels.tolist() == [0, 7]
    assert found.labels.dtype == np.int64
    assert found.boxes.dtype == np.float32
    assert nothing.boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        (OUTPUTS["sizewise"], "an output named detections"),
        ({"detections": np.zeros((1, 9, 7), np.float32)}, r"detections \[1, 9, 7\]"),
        (_rows((1, 2, 3, 4, 0.5, 0.5)), "labels are no whole numbers"),
        (_rows((1, 2, 3, 4, 0.5, 3)), "the label 3 is none of 3 classes"),
    ],
)
def test_outputs_that_a_graph_with_suppression_does_not_give(
    outputs: dict[str, Array], why: str
) -> None:
    with pytest.raises(InputError, match=f"do not have the layout {SUPPRESSED}: .*{why}"):
        read_suppressed(outputs, class_count=CLASSES)


@pytest.mark.parametrize("column", [0, 4, 5])
def test_what_is_no_number_is_a_numerics_error(column: int) -> None:
    outputs = _rows((1, 2, 3, 4, 0.5, 1))
    outputs["detections"][0, 0, column] = np.nan
    with pytest.raises(InferenceError) as error:
        read_suppressed(outputs)
    assert error.value.reason_code == "numerics"


@pytest.mark.parametrize(
    ("layout", "shape"), [("b_n_5c", (1, 84, 2100)), ("b_4c_n", (1, 2100, 85))]
)
def test_coordinates_are_not_taken_for_scores(layout: str, shape: tuple[int, ...]) -> None:
    """A transposed output, with nothing to say how many classes there are."""
    rng = np.random.default_rng(0)
    pixels_first = rng.uniform(0, 640, shape).astype(np.float32)
    with pytest.raises(InputError, match="beyond 0 to 1"):
        read_detections(layout, {"output": pixels_first})


def test_scores_that_are_no_numbers_are_left_to_be_named_as_such() -> None:
    outputs = {"boxes": np.zeros((1, 2, 4)), "scores": np.full((1, 2, 1), np.nan)}
    _, scores = read_detections("sizewise", outputs)
    assert np.isnan(scores).all()


@pytest.mark.parametrize("rows", [0, 1, 300])
def test_boxes_that_a_graph_chose_are_read_whatever_their_output_is_called(rows: int) -> None:
    random = np.random.default_rng(0)
    chosen = np.concatenate(
        [random.random((1, rows, 4)) * 99, random.random((1, rows, 1)), np.ones((1, rows, 1))], 2
    )
    (found,) = read_suppressed({"output0": chosen}, layout=FINAL_LAYOUT, class_count=2)
    assert len(found.scores) == rows
    assert (np.diff(found.scores) <= 0).all()


def test_what_is_no_list_of_chosen_boxes_is_refused() -> None:
    with pytest.raises(InputError, match=r"b_n_6: .*\[B, K, 6\] is needed"):
        read_suppressed({"output0": np.zeros((1, 9, 5))}, layout=FINAL_LAYOUT)
    rows = np.array([[[0, 0, 1, 1, 0.5, 1]]])
    with pytest.raises(InputError, match="the label 1 is none of 1 classes"):
        read_suppressed({"output0": rows}, layout=FINAL_LAYOUT, class_count=1)
