from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from netzoo.tasks.layouts import layout_names, read_detections
from sizewise.errors import InputError, UsageError

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
    assert set(layout_names()) == OUTPUTS.keys()


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
