"""Chosen boxes of TensorFlow's object detection API, of one class, and of a list of places."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.chosen.parts import parts_of_outputs
from netzoo.tasks.layouts import fitting_layouts, read_suppressed
from sizewise.core.errors import InferenceError, InputError
from sizewise.core.specs import Size, TensorSpec, divided

Array = NDArray[Any]
LAYOUTS = {"boxes_scores", "dets", "tf_detection", "boxes_scores_indices"}
SIZE, CLASSES = Size(240, 320), 4
BOX = (40.0, 30.0, 160.0, 60.0)
"""x0 y0 x1 y1 of an input of this size."""
TENSORFLOW = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")
ZOO = ("yolonms_layer_1", "yolonms_layer_1:1", "yolonms_layer_1:2")
"""The names of the ONNX model zoo's yolov3-12.onnx and tiny-yolov3-11.onnx."""


def chosen(rows: int, seed: int = 0, classes: int = CLASSES) -> Detections:
    """Boxes in pixels, not in the order of their scores."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(2, 200, (rows, 2))
    return Detections(
        boxes=np.concatenate([corners, corners + rng.uniform(2, 90, (rows, 2))], 1).astype("f4"),
        scores=rng.uniform(0.1, 1, rows).astype("f4"),
        labels=rng.integers(0, classes, rows),
    )


def tensorflow(found: Detections, unused: int = 2) -> dict[str, Array]:
    """As the API documents its outputs, with rows that are filled up with zeros, beside the
    candidates before NMS."""
    height, width = SIZE.height, SIZE.width
    shares = [[y0 / height, x0 / width, y1 / height, x1 / width] for x0, y0, x1, y1 in found.boxes]
    empty = np.zeros((unused, 4))
    boxes = np.concatenate([np.reshape(shares, (-1, 4)), empty]).astype("f4")
    scores = np.concatenate([found.scores, np.zeros(unused)]).astype("f4")
    classes = np.concatenate([found.labels + 1, np.ones(unused)]).astype("f4")
    count = np.array(len(found.scores), "f4")
    named = dict(zip(TENSORFLOW, (boxes, scores, classes, count), strict=True))
    raw = {"raw_detection_boxes": np.zeros((1, 50, 4)), "raw_detection_scores": np.zeros((1, 50))}
    return {name: array[None] for name, array in named.items()} | raw


def indexed(images: list[Detections], kind: str = "i4") -> dict[str, Array]:
    """Among other candidates, as the zoo's README documents its outputs."""
    rng = np.random.default_rng(len(images))
    count = 7 + sum(len(one.scores) for one in images)
    boxes = rng.uniform(0, 300, (len(images), count, 4)).astype("f4")
    scores = rng.random((len(images), CLASSES, count), np.float32)
    places = []
    for image, found in enumerate(images):
        rows = zip(found.boxes, found.scores, found.labels, strict=True)
        taken = rng.permutation(count)
        for candidate, ((x0, y0, x1, y1), score, label) in zip(taken, rows, strict=False):
            boxes[image, candidate] = (y0, x0, y1, x1)
            scores[image, label, candidate] = score
            places.append((image, label, candidate))
    indices = rng.permutation(np.reshape(places, (-1, 3)).astype(kind))
    return dict(zip(ZOO, (boxes, scores, indices), strict=True))


def forms(found: Detections) -> dict[str, tuple[str, dict[str, Array]]]:
    """Layout and outputs of one image, by the exporter."""
    boxes, scores = found.boxes, found.scores
    dets = np.concatenate([boxes, scores[:, None]], 1)
    frozen = {f"import/{name}:0": array for name, array in tensorflow(found).items()}
    tiny = indexed([found])
    return {
        "TensorFlow": ("tf_detection", tensorflow(found)),
        "a frozen graph": ("tf_detection", frozen),
        "TensorFlow without B": (
            "tf_detection",
            {name: array[0] for name, array in tensorflow(found).items()},
        ),
        "TensorFlow without a count": (
            "tf_detection",
            {n: a for n, a in tensorflow(found, 0).items() if n != "num_detections"},
        ),
        "YOLOv3": ("boxes_scores_indices", indexed([found])),
        "YOLOv3 tiny": ("boxes_scores_indices", tiny | {ZOO[2]: tiny[ZOO[2]][None]}),
        "places in int64": ("boxes_scores_indices", indexed([found], "i8")),
        "faces": ("boxes_scores", {"boxes": boxes[None], "scores": scores[None]}),
        "faces without B": ("boxes_scores", {"pred_boxes": boxes, "conf": scores}),
        "faces with points": (
            "boxes_scores",
            {"boxes": boxes[None], "scores": scores[None], "points": np.zeros((1, len(boxes), 10))},
        ),
        "one table": ("dets", {"dets": dets[None]}),
        "one table without B": ("dets", {"dets": dets}),
    }


EXPORTERS = tuple(forms(chosen(1)))


def expected_of(layout: str, found: Detections) -> Detections:
    one_class = layout in ("boxes_scores", "dets")
    return replace(found, labels=found.labels * 0) if one_class else found


@given(exporter=st.sampled_from(EXPORTERS), rows=st.integers(0, 9), seed=st.integers(0, 99))
def test_what_was_chosen_is_read_best_first(exporter: str, rows: int, seed: int) -> None:
    layout, outputs = forms(chosen(rows, seed))[exporter]
    expected = expected_of(layout, chosen(rows, seed))
    (found,) = read_suppressed(outputs, layout=layout, class_count=CLASSES, size=SIZE)
    best = np.argsort(-expected.scores, kind="stable")
    assert_allclose(found.boxes, expected.boxes[best], rtol=1e-5)
    assert_allclose(found.scores, expected.scores[best], rtol=1e-6)
    assert found.labels.tolist() == expected.labels[best].tolist()
    assert found.boxes.shape == (rows, 4)
    assert found.boxes.dtype == np.float32
    assert found.labels.dtype == np.int64


def test_of_a_batch_each_image_has_its_own() -> None:
    images = [chosen(rows, seed) for seed, rows in enumerate((5, 0, 3))]
    padded = [tensorflow(one, 6 - len(one.scores)) for one in images]
    together = {name: np.concatenate([one[name] for one in padded]) for name in TENSORFLOW}
    for layout, outputs in (("tf_detection", together), ("boxes_scores_indices", indexed(images))):
        found = read_suppressed(outputs, layout=layout, size=SIZE)
        assert len(found) == 3
        for one, image in zip(found, images, strict=True):
            assert_allclose(np.sort(one.scores), np.sort(image.scores), rtol=1e-6)


def test_places_below_0_are_not_used() -> None:
    outputs = indexed([chosen(3)])
    filled = np.concatenate([outputs[ZOO[2]], np.full((4, 3), -1, "i4")])
    (found,) = read_suppressed(outputs | {ZOO[2]: filled}, layout="boxes_scores_indices")
    assert len(found.scores) == 3


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_the_layout_is_proposed_by_names_and_shapes(exporter: str) -> None:
    layout, outputs = forms(chosen(8))[exporter]
    count: dict[int, int | str] = {8: "rows", 15: "candidates"}
    free = [
        TensorSpec(
            name=name,
            dtype=array.dtype.name,
            shape=tuple(count.get(int(n), int(n)) for n in array.shape),
        )
        for name, array in outputs.items()
    ]
    assert fitting_layouts(free) == (layout,)


@pytest.mark.parametrize(
    "shapes",
    [
        {"901": (1, 9, 4), "902": (1, 9)},
        {"boxes": (1, 9, 4), "902": (1, 9)},
        {"tokens": (1, 9, 5)},
        {"points": (1, 9, 4), "scores": (1, 9)},
        {"detection_boxes": (1, 9, 4), "num_detections": (1,)},
    ],
)
def test_without_labels_nothing_but_names_tells(shapes: dict[str, tuple[int, ...]]) -> None:
    outputs = [TensorSpec(name=n, dtype="float32", shape=shape) for n, shape in shapes.items()]
    assert fitting_layouts(outputs) == ()


def test_names_that_say_nothing_are_read_where_the_user_says_the_layout() -> None:
    expected = chosen(5)
    outputs = {"901": expected.boxes[None], "902": expected.scores[None]}
    (found,) = read_suppressed(outputs, layout="boxes_scores")
    assert_allclose(found.scores, np.sort(expected.scores)[::-1])


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_every_value_is_in_one_part_and_scores_are_told(exporter: str) -> None:
    layout, outputs = forms(chosen(7))[exporter]
    shapes = {name: array.shape for name, array in outputs.items()}
    dtypes = {name: array.dtype.name for name, array in outputs.items()}
    found = parts_of_outputs(layout, shapes, CLASSES, dtypes)
    values: dict[str, Array] = {}
    for name, parts in found.items():
        several = dict(divided(outputs[name], parts))
        assert sum(one.size for one in several.values()) == outputs[name].size
        values |= several
    assert values["boxes"].shape[-1] == 4
    assert set(chosen(7).scores.tolist()) <= set(values["scores"].ravel().tolist())
    assert ("classes" in values) == (layout == "tf_detection")
    assert ("indices" in values) == (layout == "boxes_scores_indices")


def changed(exporter: str, name: str, values: Any) -> tuple[str, dict[str, Array]]:
    layout, outputs = forms(chosen(3))[exporter]
    return layout, outputs | {name: np.broadcast_to(values, outputs[name].shape)}


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (changed("TensorFlow", "detection_boxes", BOX), "times the sides, so they are in pixels"),
        (changed("TensorFlow", "detection_classes", 5), "the label 4 is none of 4 classes"),
        (("tf_detection", {"boxes": np.zeros((1, 3, 4))}), "named detection_boxes, detection_sc"),
        (
            ("tf_detection", tensorflow(chosen(3)) | {"detection_scores": np.zeros((1, 9))}),
            r"boxes \[B, N, 4\], scores \[B, N\] and classes",
        ),
        (
            ("tf_detection", tensorflow(chosen(3)) | {"num_detections": np.zeros(2)}),
            "counts the detections of 2 images, not 1",
        ),
        (changed("YOLOv3", ZOO[2], 10), r"point at \[10, 10, 10\] \(image, class, box\), beyond"),
        (("boxes_scores_indices", {"boxes": np.zeros((1, 9, 4))}), r"indices \[M, 3\] in whole"),
        (changed("faces", "boxes", (0.1, 0.2, 0.5, 0.9)), "shares of the sides"),
        (changed("one table", "dets", (*BOX, 7.0)), "scores would reach from 0 to 7"),
        (("boxes_scores", {"boxes": np.zeros((1, 9, 4))}), r"scores \[B, N\] are needed"),
        (("dets", {"dets": np.zeros((1, 9, 4))}), r"dets \[B, N, 5\] are needed"),
    ],
)
def test_values_that_can_not_be_are_named(case: tuple[str, dict[str, Array]], why: str) -> None:
    layout, outputs = case
    with pytest.raises(InputError, match=why):
        read_suppressed(outputs, layout=layout, class_count=CLASSES, size=SIZE)


@pytest.mark.parametrize("name", TENSORFLOW)
def test_what_is_no_number_is_a_numerics_error(name: str) -> None:
    layout, outputs = changed("TensorFlow", name, np.nan)
    with pytest.raises(InferenceError) as error:
        read_suppressed(outputs, layout=layout, size=SIZE)
    assert error.value.reason_code == "numerics"
