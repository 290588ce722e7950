"""Pictures as models take them, held against Pillow and against plain arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from sizewise.core.errors import UsageError
from sizewise.core.pictures.arrays import as_input, misfit
from sizewise.core.specs import RGB, ImageInput, Preprocessing, TensorSpec

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
PLANES = np.ascontiguousarray(PIXELS.transpose(2, 0, 1)).astype(np.float32) / np.float32(255)
IMAGENET = Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def taking(channels: int, *, dtype: str = "float32", last: bool = False) -> ImageInput:
    shape: Any = ("b", "h", "w", channels) if last else ("b", channels, "h", "w")
    tensor = TensorSpec(name="images", dtype=dtype, shape=shape)
    return ImageInput(tensor=tensor, channels_first=not last)


def test_what_our_networks_take_is_left_as_it_is() -> None:
    assert as_input(PLANES, taking(3), RGB) is PLANES


def test_bytes_are_those_of_the_picture() -> None:
    found = as_input(PLANES, taking(3, dtype="uint8", last=True), RGB)
    np.testing.assert_array_equal(found, PIXELS)
    blue_first = as_input(PLANES, taking(3, dtype="uint8", last=True), Preprocessing(order="bgr"))
    np.testing.assert_array_equal(blue_first, PIXELS[..., ::-1])


def test_grey_is_pillows() -> None:
    grey = np.asarray(Image.fromarray(PIXELS).convert("L")).astype(int)
    found = as_input(PLANES, taking(1, dtype="uint8"), RGB)
    assert found.shape == (1, 5, 7)
    assert np.abs(found[0].astype(int) - grey).max() <= 1


def test_half_precision_keeps_a_thousandth() -> None:
    found = as_input(PLANES, taking(3, dtype="float16"), RGB)
    assert found.dtype == np.float16
    assert np.abs(found - PLANES).max() < 1e-3


def test_colours_are_normalized_before_their_order_and_range() -> None:
    wanted = (PLANES - np.reshape(IMAGENET.mean, (3, 1, 1))) / np.reshape(IMAGENET.std, (3, 1, 1))
    np.testing.assert_allclose(as_input(PLANES, taking(3), IMAGENET), wanted, atol=1e-6)
    both = Preprocessing(order="bgr", most=255, mean=(0.5, 0.0, 0.0))
    found = as_input(PLANES, taking(3), both)
    np.testing.assert_allclose(found[2], (PLANES[0] - 0.5) * 255, atol=1e-4)
    np.testing.assert_allclose(found[0], PLANES[2] * 255, atol=1e-4)


@pytest.mark.parametrize(
    ("image", "how", "said"),
    [
        (taking(3), RGB, ""),
        (taking(1), RGB, ""),
        (taking(1), Preprocessing(order="gray"), ""),
        (taking(3, dtype="uint8"), IMAGENET, "normalizes them itself"),
        (taking(3), Preprocessing(order="gray"), "it takes 3 channels, and gray has one"),
        (taking(4), RGB, "of 1 or 3 channels"),
        (taking(3, dtype="float64"), RGB, "float32, float16, uint8"),
    ],
)
def test_what_a_model_can_not_be_given_is_said(
    image: ImageInput, how: Preprocessing, said: str
) -> None:
    why = misfit(image, how)
    assert said in why
    assert bool(why) is bool(said)


@pytest.mark.parametrize(
    "values",
    [{"mean": (0.5,)}, {"std": (1.0, 1.0, 0.0)}, {"mean": (float("nan"), 0.0, 0.0)}],
)
def test_numbers_that_make_no_sense_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="Colours can't be normalized"):
        Preprocessing(**values)


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        (  # mmdetection's
            (123.675, 116.28, 103.53),
            (58.395, 57.12, 57.375),
            r"mean 0.485,0.456,0.406 and std 0.229,0.224,0.225\. .* range 0-1\.",
        ),
        (  # Caffe's and Keras's
            (123.68, 116.779, 103.939),
            (1.0, 1.0, 1.0),
            r"give mean 0.48502,0.457957,0.407604\. .* range 0-255\.",
        ),
        ((0.5, 0.5, 0.5), (127.5, 127.5, 127.5), r"give std 0.5,0.5,0.5\. .* range 0-1\."),
        ((0.0, 0.0, 1.5), (1.0, 1.0, 1.0), "colours of 0-1 here"),
    ],
)
def test_a_mean_or_std_of_bytes_is_answered_with_that_of_shares(
    mean: tuple[float, ...], std: tuple[float, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        Preprocessing(mean=mean, std=std)


@pytest.mark.parametrize("most", [1, 255])
def test_a_mean_and_std_of_bytes_divided_by_255_do_the_same(most: int) -> None:
    """Against the arithmetic of mmdetection (range 0-1), and of Caffe without a std (0-255)."""
    mean, std = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
    planes = np.random.default_rng(0).random((3, 4, 5), np.float32)
    column = np.array(mean).reshape(3, 1, 1)
    expected = 255 * planes - column
    shares: dict[str, Any] = {"mean": tuple(one / 255 for one in mean)}
    if most == 1:
        expected = expected / np.array(std).reshape(3, 1, 1)
        shares["std"] = tuple(one / 255 for one in std)
    made = as_input(planes, taking(3), Preprocessing(most=most, **shares))
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-4)


def test_it_is_told_in_words() -> None:
    assert str(RGB) == "rgb, 0–1"
    assert str(Preprocessing(order="bgr", most=255, mean=(0.1, 0.2, 1))) == (
        "bgr, 0–255, mean 0.1/0.2/1, std 1/1/1"
    )
