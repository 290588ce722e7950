"""Noise is given to a model as pictures are: in its range, colours, type and layout."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizewise.core.pictures.arrays import as_input, noise_as_input
from sizewise.core.pictures.patches import patches_under_noise
from sizewise.core.specs import RGB, ImageInput, Order, Preprocessing, Size, TensorSpec

SIZE = Size(6, 9)
WAYS = (
    RGB,
    Preprocessing(most=255, order="bgr"),
    Preprocessing(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    Preprocessing(most=255, order="bgr", mean=(0.4, 0.5, 0.6)),
)


def image(dtype: str = "float32", channels: int = 3, *, last: bool = False) -> ImageInput:
    shape = ("b", "h", "w", channels) if last else ("b", channels, "h", "w")
    tensor = TensorSpec(name="images", dtype=dtype, shape=shape)
    return ImageInput(tensor=tensor, channels_first=not last)


@given(st.sampled_from(WAYS), st.sampled_from(["float32", "float16"]), st.booleans())
def test_noise_becomes_what_pictures_of_it_would(
    how: Preprocessing, dtype: str, last: bool
) -> None:
    noise = patches_under_noise(2, SIZE)
    found = noise_as_input(noise, image(dtype, last=last), how)
    for one, planes in zip(found, noise, strict=True):
        np.testing.assert_array_equal(one, as_input(planes, image(dtype, last=last), how))
    assert found.dtype == dtype


def test_where_nothing_is_said_it_is_noise_of_0_to_1() -> None:
    for channels in (1, 3, 4):
        noise = patches_under_noise(2, SIZE, channels=channels)
        np.testing.assert_array_equal(noise_as_input(noise, image(channels=channels), RGB), noise)


@pytest.mark.parametrize("order", ["rgb", "gray"])
def test_grey_noise_is_normalized_as_a_grey_picture(order: Order) -> None:
    how = Preprocessing(order=order, most=255, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    grey = patches_under_noise(1, SIZE, channels=1)
    found = noise_as_input(grey, image(channels=1), how)
    np.testing.assert_allclose(found, (grey - 0.5) / 0.25 * 255, rtol=1e-4, atol=1e-2)


def test_bytes_and_more_channels_have_their_range_alone() -> None:
    how = Preprocessing(most=255, mean=(0.5, 0.5, 0.5))
    noise = patches_under_noise(1, SIZE)
    found = noise_as_input(noise, image("uint8"), how)
    np.testing.assert_array_equal(found, np.rint(noise * 255))
    four = patches_under_noise(1, SIZE, channels=4)
    np.testing.assert_array_equal(
        noise_as_input(four, image(channels=4), how), four * np.float32(255)
    )
