"""Scores of classifiers, with or without further axes, by their names or in the data's order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from netzoo.data.classified import ClassifiedImage, ClassifiedSet
from netzoo.tasks.kinds.classification import ClassEvaluator
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.registry import find_task, name_a_layout
from netzoo.tasks.scores.classes import read_scores
from netzoo.tasks.task import Evaluator
from sizewise.core.errors import InferenceError, InputError
from sizewise.core.specs import ImageInput, ModelCard, Size, TensorSpec

metrics = pytest.importorskip("sklearn.metrics")

SIZE = Size(8, 8)
FITTED = Letterbox.fit(SIZE, SIZE)
NAMES = tuple("abcdefgh")


def data_of(labels: Sequence[int], classes: tuple[str, ...] = NAMES) -> ClassifiedSet:
    images = tuple(ClassifiedImage(path=Path("x.png"), label=label) for label in labels)
    return ClassifiedSet(name="made up", classes=classes, images=images, sha256="")


def evaluated(data: ClassifiedSet, scores: NDArray[Any], names: tuple[str, ...] = ()) -> Evaluator:
    card = ModelCard(network="net", task="classification", layout="b_c", classes=names)
    evaluator = ClassEvaluator(card, data)
    for image, row in zip(data.images, scores, strict=True):
        evaluator.add(image, FITTED, {"logits": row[None]})
    return evaluator


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), images=st.integers(1, 20), spare=st.integers(0, 2))
def test_top_1_and_top_5_are_scikit_learns(seed: int, images: int, spare: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 8, images)
    ranks = np.tile(np.arange(8, dtype=np.float32), (images, 1))
    logits = random.permuted(ranks, axis=1)
    shaped = logits.reshape(images, 8, *[1] * spare)
    found = evaluated(data_of(labels.tolist()), shaped).scores()
    for k in (1, 5):
        expected = metrics.top_k_accuracy_score(labels, logits, k=k, labels=range(8))
        assert found[f"top{k}"] == pytest.approx(expected)


def test_classes_are_found_by_their_names() -> None:
    data = data_of([0, 1], ("h", "c"))
    scores = np.eye(8, dtype=np.float32)[[7, 2]]
    assert evaluated(data, scores, NAMES).scores()["top1"] == 1
    with pytest.raises(
        InputError, match="scores 8 classes: 2 are in the data, and the model names"
    ):
        evaluated(data, scores)
    with pytest.raises(InputError, match=r"scores 8 classes: 7 are named.*names"):
        evaluated(data_of([0], ("c",)), scores[:1], NAMES[:7])
    with pytest.raises(InputError, match="z are not among its 8 classes"):
        evaluated(data_of([0], ("z",)), scores[:1], NAMES)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3, 4, 4), (1, 3, 7), (1,)])
def test_what_is_no_list_of_scores_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"no scores of classes.*maps \[1"):
        read_scores({"maps": np.zeros(shape)})


def test_our_own_output_is_taken_before_others() -> None:
    outputs = {"features": np.zeros((1, 99)), "scores": np.ones((1, 3))}
    assert read_scores(outputs).shape == (1, 3)


def test_nan_is_a_numerics_error() -> None:
    with pytest.raises(InferenceError) as caught:
        read_scores({"scores": np.full((1, 4), np.nan)})
    assert caught.value.reason_code == "numerics"


@pytest.mark.parametrize(
    ("shape", "dtype", "proposed"),
    [
        (("b", 1000), "float32", "b_c"),
        ((1, 1000, 1, 1), "float32", "b_c"),
        (("b", 21, "h", "w"), "float32", "b_c_h_w"),
        (("b", 1, "h", "w"), "float32", "b_1_h_w or b_1_h_w_prob"),
        (("b", 1, "h", "w"), "int64", "b_h_w"),
        (("b", "h", "w"), "int64", "b_h_w"),
        (("b", 84, 8400), "float32", "b_4c_n"),
    ],
)
def test_the_layout_that_fits_the_shape_is_proposed(
    shape: tuple[Any, ...], dtype: str, proposed: str
) -> None:
    said = name_a_layout([TensorSpec(name="out", dtype=dtype, shape=shape)])
    assert said.endswith(f"By their shapes they may be {proposed}.")
    assert find_task("classification").layouts[0] in said


@pytest.mark.parametrize(
    ("input_shape", "output_shape", "dtype", "proposed"),
    [
        ((1, 128, 128, 3), (1, 128, 128, 5), "float32", "b_h_w_c"),
        ((1, 3, 96, 128), (1, 24, 32, 150), "float32", "b_h_w_c"),
        ((1, 3, 96, 128), (1, 150, 24, 32), "float32", "b_c_h_w"),
        ((1, 3, 128, 128), (1, 128, 128, 128), "float32", "b_c_h_w"),
        (("n", 3, "h", "w"), ("n", "h", "w", 5), "float32", "b_h_w_c"),
        (("n", 3, "h", "w"), ("n", "h", "w", "c"), "float32", "b_h_w_c"),
        (("n", 3, "h", "w"), ("n", "c", "h", "w"), "float32", "b_c_h_w"),
        ((1, 128, 96, 3), (1, 128, 96, 1), "float32", "b_1_h_w or b_1_h_w_prob"),
        ((1, 128, 96, 3), (1, 128, 96, 1), "int32", "b_h_w"),
    ],
)
def test_the_sides_of_the_input_tell_where_the_channels_are(
    input_shape: tuple[Any, ...], output_shape: tuple[Any, ...], dtype: str, proposed: str
) -> None:
    tensor = TensorSpec(name="images", dtype="float32", shape=input_shape)
    image = ImageInput(tensor=tensor, channels_first=input_shape[3] != 3)
    said = name_a_layout([TensorSpec(name="out", dtype=dtype, shape=output_shape)], image)
    assert said.endswith(f"By their shapes they may be {proposed}.")
