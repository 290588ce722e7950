"""Boxes that graphs chose, as exporters give them: all forms of the same boxes are read alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.chosen.parts import DIVIDED, parts_of_outputs
from netzoo.tasks.layouts import fitting_layouts, read_suppressed
from sizewise.core.errors import InferenceError, InputError
from sizewise.core.specs import FINAL_LAYOUTS, TensorSpec, divided
from tests.netzoo.tasks.test_chosen_others import LAYOUTS as OTHERS

Array = NDArray[Any]
CLASSES = 4
NUMBERED = {"boxes": "901", "scores": "902", "labels": "903", "dets": "901"}
"""Names of outputs as exporters make them up."""


def chosen(rows: int, seed: int = 0) -> Detections:
    """Boxes in pixels, not in the order of their scores."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(2, 200, (rows, 2))
    return Detections(
        boxes=np.concatenate([corners, corners + rng.uniform(1, 90, (rows, 2))], 1).astype("f4"),
        scores=rng.uniform(0.1, 1, rows).astype("f4"),
        labels=rng.integers(0, CLASSES, rows),
    )


def forms(found: Detections) -> dict[str, tuple[str, dict[str, Array]]]:
    """Layout and outputs of one image, by the exporter."""
    separate: dict[str, Array] = {
        "boxes": found.boxes,
        "scores": found.scores,
        "labels": found.labels,
    }
    boxes, scores, labels = separate.values()
    column, kinds = scores[:, None], labels[:, None].astype("f4")
    image = np.zeros_like(column)
    dets = np.concatenate([boxes, column], 1)
    batch = {name: array[None] for name, array in separate.items()}
    masks = {"masks": np.zeros((len(scores), 1, 28, 28), "f4")}
    return {
        "YOLOv10": ("b_n_6", {"output0": np.concatenate([dets, kinds], 1)[None]}),
        "RT-DETR": ("boxes_scores_labels", batch),
        "RT-DETR in half": (
            "boxes_scores_labels",
            batch | {"labels": labels[None].astype("i4")},
        ),
        "mmyolo": ("boxes_scores_labels", {"num_dets": np.array([[len(scores)]])} | batch),
        "torchvision": ("boxes_scores_labels", separate | masks),
        "torchvision without names": (
            "boxes_scores_labels",
            {NUMBERED[name]: array for name, array in separate.items()},
        ),
        "floats": ("boxes_scores_labels", batch | {"labels": labels[None].astype("f4")}),
        "mmdeploy": ("dets_labels", {"dets": dets[None], "labels": labels[None]}),
        "mmdeploy without names": ("dets_labels", {"7": dets[None], "8": labels[None]}),
        "YOLOv7": ("m_7", {"output": np.concatenate([image, boxes, kinds, column], 1)}),
        "Paddle": (
            "m_6",
            {
                "multiclass_nms3_0.tmp_0": np.concatenate([kinds, column, boxes], 1),
                "multiclass_nms3_0.tmp_2": np.array([len(scores)], "i4"),
            },
        ),
    }


EXPORTERS = tuple(forms(chosen(1)))


def free(outputs: dict[str, Array]) -> list[TensorSpec]:
    """As a file declares them, with a free number of rows."""
    count: dict[int, int | str] = {8: "rows", 1: "batch"}
    return [
        TensorSpec(
            name=name,
            dtype=array.dtype.name,
            shape=tuple(count.get(int(side), int(side)) for side in array.shape),
        )
        for name, array in outputs.items()
    ]


def test_every_layout_is_tried_here() -> None:
    tried = {layout for layout, _ in forms(chosen(1)).values()}
    assert tried | OTHERS == set(FINAL_LAYOUTS)
    assert set(FINAL_LAYOUTS) <= set(DIVIDED)


@given(exporter=st.sampled_from(EXPORTERS), rows=st.integers(0, 9), seed=st.integers(0, 99))
def test_what_was_chosen_is_read_best_first(exporter: str, rows: int, seed: int) -> None:
    expected = chosen(rows, seed)
    layout, outputs = forms(expected)[exporter]
    (found,) = read_suppressed(outputs, layout=layout, class_count=CLASSES)
    best = np.argsort(-expected.scores, kind="stable")
    assert_allclose(found.boxes, expected.boxes[best], rtol=1e-6)
    assert_allclose(found.scores, expected.scores[best], rtol=1e-6)
    assert found.labels.tolist() == expected.labels[best].tolist()
    assert found.boxes.shape == (rows, 4)
    assert found.boxes.dtype == np.float32
    assert found.labels.dtype == np.int64


@pytest.mark.parametrize("layout", ["boxes_scores_labels", "dets_labels"])
def test_of_a_batch_each_image_has_its_own(layout: str) -> None:
    images = [chosen(5, seed) for seed in range(3)]
    made = [next(o for name, o in forms(i).values() if name == layout) for i in images]
    batch = {name: np.concatenate([one[name] for one in made]) for name in made[0]}
    found = read_suppressed(batch, layout=layout)
    assert [one.scores.max() for one in found] == [image.scores.max() for image in images]


def test_unused_rows_are_left_out() -> None:
    """mmdeploy fills up with the label -1."""
    _, outputs = forms(chosen(6))["mmdeploy"]
    outputs["labels"][0, 4:] = -1
    outputs["dets"][0, 4:] = -1
    (found,) = read_suppressed(outputs, layout="dets_labels")
    assert len(found.scores) == 4
    (none,) = read_suppressed(outputs | {"labels": outputs["labels"] * 0 - 1}, layout="dets_labels")
    assert none.boxes.shape == (0, 4)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_the_layout_is_proposed_by_shapes_types_and_names(exporter: str) -> None:
    layout, outputs = forms(chosen(8))[exporter]
    assert fitting_layouts(free(outputs))[:1] == (layout,)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_every_value_is_in_one_part_and_scores_are_told(exporter: str) -> None:
    expected = chosen(7)
    layout, outputs = forms(expected)[exporter]
    shapes = {name: array.shape for name, array in outputs.items()}
    dtypes = {name: array.dtype.name for name, array in outputs.items()}
    found = parts_of_outputs(layout, shapes, CLASSES, dtypes)
    values: dict[str, Array] = {}
    for name, parts in found.items():
        several = dict(divided(outputs[name], parts))
        assert sum(one.size for one in several.values()) == outputs[name].size
        values |= several
    assert_allclose(values["scores"].ravel(), expected.scores)
    assert_allclose(values["boxes"].reshape(-1, 4), expected.boxes)
    assert values["classes"].ravel().tolist() == expected.labels.tolist()


@pytest.mark.parametrize(
    ("layout", "outputs", "why"),
    [
        ("boxes_scores_labels", {"boxes": (1, 9, 4), "scores": (1, 9, 2)}, "labels .B, N. are"),
        ("boxes_scores_labels", {"boxes": (1, 9, 4), "scores": (1, 9)}, "or of one image"),
        ("dets_labels", {"dets": (1, 9, 4), "labels": (1, 9)}, r"dets \[B, N, 5\]"),
        ("m_7", {"output": (9, 6)}, r"\[M, 7\] of image, x0, .* in a batch of one image"),
        ("m_6", {"output": (1, 9, 6)}, r"\[M, 6\] of label, score"),
    ],
)
def test_outputs_of_another_layout_are_refused_with_their_shapes(
    layout: str, outputs: dict[str, tuple[int, ...]], why: str
) -> None:
    arrays = {name: np.zeros(shape) for name, shape in outputs.items()}
    with pytest.raises(InputError, match=f"do not have the layout {layout}: .*{why}"):
        read_suppressed(arrays, layout=layout)


def changed(exporter: str, name: str, values: Any) -> tuple[str, dict[str, Array]]:
    layout, outputs = forms(chosen(3))[exporter]
    return layout, outputs | {name: np.broadcast_to(values, outputs[name].shape)}


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (changed("RT-DETR", "labels", 7), "the label 7 is none of 4 classes"),
        (changed("floats", "labels", 0.5), "labels are no whole numbers"),
        (changed("RT-DETR", "scores", 12.0), "scores would reach from 0 to 12"),
        (changed("RT-DETR", "boxes", (0.1, 0.2, 0.5, 0.9)), "multiply x by the width"),
        (changed("mmdeploy", "dets", (0.1, 0.2, 0.5, 0.9, 0.8)), "shares of the sides"),
        (changed("YOLOv7", "output", [[0.0], [0.0], [1.0]]), "rows are of several images"),
    ],
)
def test_values_that_can_not_be_are_named(case: tuple[str, dict[str, Array]], why: str) -> None:
    layout, outputs = case
    with pytest.raises(InputError, match=why):
        read_suppressed(outputs, layout=layout, class_count=CLASSES)


def test_a_small_object_is_no_share_of_a_side() -> None:
    """Nor is a row that nothing scores, or a box without extent."""
    layout, outputs = forms(chosen(2))["RT-DETR"]
    outputs["boxes"][:] = [[0, 0, 0, 0], [3, 3, 4, 4]]
    (found,) = read_suppressed(outputs, layout=layout)
    assert len(found.boxes) == 2
    for boxes, scores in ((np.zeros((1, 2, 4)), 0.9), (np.ones((1, 2, 4)) * (0, 0, 1, 1), 0.0)):
        outputs |= {"boxes": boxes, "scores": np.full((1, 2), scores)}
        read_suppressed(outputs, layout=layout)


def test_what_is_no_number_is_a_numerics_error() -> None:
    layout, outputs = changed("RT-DETR", "scores", np.nan)
    with pytest.raises(InferenceError) as error:
        read_suppressed(outputs, layout=layout)
    assert error.value.reason_code == "numerics"


@pytest.mark.parametrize(
    ("shapes", "proposed"),
    [
        ({"output0": ("batch", 84, 8400)}, ("b_4c_n",)),
        ({"output0": ("batch", 84, "anchors")}, ("b_4c_n",)),
        ({"output": (1, 25200, 85)}, ("b_n_5c",)),
        ({"output": ("batch", "anchors", 85)}, ("b_n_5c",)),
        ({"output0": (1, 300, 6)}, ("b_n_6", "b_n_5c")),
        ({"boxes": ("b", "n", 4), "scores": ("b", "n", 3)}, ("sizewise",)),
        ({"boxes": ("b", "n", 4), "scores": ("b", "n")}, ("boxes_scores",)),
        ({"boxes": ("n", 4), "scores": ("n",)}, ("boxes_scores",)),
        ({"dets": ("b", 300, 5)}, ("dets",)),
        ({"maps": ("b", 1, "h", "w")}, ()),
        ({"a": ("b", 9, 3), "c": ("b", 9, 3)}, ()),
        ({"points": ("batch", 7)}, ()),  # a row for each image
        ({"points": (1, 6)}, ()),
        ({"points": ("rows", 7)}, ("m_7",)),
    ],
)
def test_layouts_that_fit_the_shapes_are_proposed(
    shapes: dict[str, Any], proposed: tuple[str, ...]
) -> None:
    outputs = [TensorSpec(name=n, dtype="float32", shape=shape) for n, shape in shapes.items()]
    assert fitting_layouts(outputs) == proposed
