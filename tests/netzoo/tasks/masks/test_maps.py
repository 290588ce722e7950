"""Outputs of segmenters that others exported, read as PyTorch resizes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit

from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.masks.maps import (
    LAST_SCORES,
    LOGITS,
    NUMBERS,
    PROBABILITIES,
    SCORES,
    channels_of,
    check_map,
    read_channels,
    read_mask,
)
from sizewise.core.errors import InferenceError, InputError
from sizewise.core.specs import Size

torch = pytest.importorskip("torch")

Array = NDArray[Any]
INPUT = Size(24, 40)
AS_IT_IS = Letterbox.fit(INPUT, INPUT)


def resized(values: Array, size: Size) -> Array:
    """Bilinear without aligned corners, by PyTorch; ``values`` are [C, h, w]."""
    larger = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None], (size.height, size.width), mode="bilinear"
    )
    array: Array = larger[0].numpy()
    return array


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    classes=st.integers(2, 6),
    share=st.sampled_from([1, 2, 4, 8]),
    slope=st.sampled_from([1.0, 300.0]),
)
def test_the_likeliest_class_is_that_of_scores_resized_by_pytorch(
    seed: int, classes: int, share: int, slope: float
) -> None:
    shape = (classes, INPUT.height // share, INPUT.width // share)
    scores = np.random.default_rng(seed).normal(0, slope, shape).astype(np.float32)
    found = read_channels(SCORES, {"out": scores[None]}, AS_IT_IS)
    over_input = resized(scores, INPUT)
    first, second = np.sort(over_input, axis=0)[[-1, -2]]
    clear = first - second > 1e-4 * slope
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(found[clear], over_input.argmax(0)[clear])


@pytest.mark.parametrize("share", [1, 2, 4])
def test_a_mask_is_resized_to_the_input_before_the_letterbox_is_undone(share: int) -> None:
    fitted = Letterbox.fit(Size(12, 60), INPUT)
    random = np.random.default_rng(share)
    shape = (1, INPUT.height // share, INPUT.width // share)
    logits = random.normal(0, 1, shape).astype(np.float32)
    expected = fitted.map_to_source(resized(logits, INPUT)[0])
    found = read_mask(LOGITS, {"a": logits[None]}, fitted)
    assert found.shape == (12, 60)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_probabilities_become_logits_after_they_were_resized() -> None:
    shares = np.random.default_rng(0).random((1, 6, 10)).astype(np.float32)
    shares[0, 0, :2] = (0, 1)
    found = read_mask(PROBABILITIES, {"a": shares[None]}, AS_IT_IS)
    np.testing.assert_allclose(expit(found), resized(shares, INPUT)[0], atol=1e-5)
    assert np.isinf(read_mask(PROBABILITIES, {"a": np.ones((1, 1, 24, 40))}, AS_IT_IS)).all()


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.float32, np.float16])
@pytest.mark.parametrize("shape", [(1, 12, 20), (1, 1, 12, 20), (1, 24, 40)])
def test_numbers_of_classes_are_taken_from_the_nearest_neighbour(
    kind: Any, shape: tuple[int, ...]
) -> None:
    numbers = np.random.default_rng(3).integers(0, 9, shape)
    found = read_channels(NUMBERS, {"classes": numbers.astype(kind)}, AS_IT_IS)
    step = INPUT.height // shape[-2]
    plane = numbers.reshape(shape[-2:])
    np.testing.assert_array_equal(found, plane.repeat(step, 0).repeat(step, 1))


def test_of_several_outputs_the_first_of_the_form_is_read() -> None:
    main, auxiliary = np.zeros((1, 3, 24, 40)), np.zeros((1, 3, 24, 40))
    main[:, 2] = 1
    auxiliary[:, 1] = 1
    vector = np.zeros((1, 7))
    outputs = {"features": vector, "out": main, "aux": auxiliary}
    assert (read_channels(SCORES, outputs, AS_IT_IS) == 2).all()
    assert channels_of(SCORES, outputs, INPUT) == 3
    assert channels_of(NUMBERS, {"out": np.zeros((1, 24, 40), np.int64)}, INPUT) is None


@pytest.mark.parametrize("share", [1, 2])
def test_channels_last_are_read_as_the_same_channels_first(share: int) -> None:
    rng = np.random.default_rng(share)
    sides = (INPUT.height // share, INPUT.width // share)
    scores = rng.normal(size=(1, 5, *sides)).astype(np.float32)
    turned = {"out": np.moveaxis(scores, 1, -1)}
    expected = read_channels(SCORES, {"out": scores}, AS_IT_IS)
    np.testing.assert_array_equal(read_channels(LAST_SCORES, turned, AS_IT_IS), expected)
    assert channels_of(LAST_SCORES, turned, INPUT) == 5
    check_map(LAST_SCORES, turned, INPUT)
    for layout in (LOGITS, PROBABILITIES):
        one = rng.random((1, 1, *sides)).astype(np.float32)
        np.testing.assert_array_equal(
            read_mask(layout, {"out": np.moveaxis(one, 1, -1)}, AS_IT_IS),
            read_mask(layout, {"out": one}, AS_IT_IS),
        )
    numbers = rng.integers(0, 9, (1, *sides))
    np.testing.assert_array_equal(
        read_channels(NUMBERS, {"out": numbers[..., None]}, AS_IT_IS),
        read_channels(NUMBERS, {"out": numbers}, AS_IT_IS),
    )


def test_a_side_is_not_taken_for_the_number_of_classes() -> None:
    with pytest.raises(InputError, match=r"a map of 40x5 does not cover.*which of .*b_h_w_c"):
        channels_of(SCORES, {"out": np.zeros((1, 24, 40, 5))}, INPUT)


@pytest.mark.parametrize("sides", [(24, 40), (12, 20), (6, 10), (3, 5), (1, 2), (25, 41)])
def test_a_map_of_any_share_of_the_input_is_one(sides: tuple[int, int]) -> None:
    check_map(SCORES, {"out": np.zeros((2, 4, *sides))}, INPUT)


@pytest.mark.parametrize(
    ("layout", "output", "why"),
    [
        (SCORES, np.zeros((1, 3, 40, 24)), "a map of 40x24 does not cover an input of 24x40"),
        (SCORES, np.zeros((1, 24, 40, 3)), "a map of 40x3 does not cover"),
        (LAST_SCORES, np.zeros((1, 3, 24, 40)), "a map of 3x24 does not cover"),
        (LAST_SCORES, np.zeros((1, 24, 40, 1)), r"\[B, h, w, C\] with two classes or more"),
        (SCORES, np.zeros((1, 1, 24, 40)), r"\[B, C, h, w\] with two classes or more is needed"),
        (LOGITS, np.zeros((1, 3, 24, 40)), r"an output \[B, 1, h, w\] is needed"),
        (NUMBERS, np.zeros((1, 3, 24, 40)), r"\[B, h, w\] or \[B, 1, h, w\] is needed"),
        (PROBABILITIES, np.full((1, 1, 24, 40), 7.0), "its values reach from 0 to 7"),
        (NUMBERS, np.full((1, 24, 40), 0.5), "no numbers of classes"),
        (NUMBERS, np.full((1, 24, 40), -1), "no numbers of classes"),
    ],
)
def test_what_is_no_map_of_the_input_is_refused(layout: str, output: Array, why: str) -> None:
    read = read_mask if layout in (LOGITS, PROBABILITIES) else read_channels
    with pytest.raises(InputError, match=rf"layout {layout}.*{why}.*layout which of b_1_h_w"):
        read(layout, {"out": output}, AS_IT_IS)


@pytest.mark.parametrize("layout", [LOGITS, PROBABILITIES, SCORES, NUMBERS])
def test_nan_is_a_numerics_error(layout: str) -> None:
    shape = {SCORES: (1, 2, 24, 40), NUMBERS: (1, 24, 40)}.get(layout, (1, 1, 24, 40))
    read = read_mask if layout in (LOGITS, PROBABILITIES) else read_channels
    with pytest.raises(InferenceError) as caught:
        read(layout, {"out": np.full(shape, np.nan, np.float32)}, AS_IT_IS)
    assert caught.value.reason_code == "numerics"
