from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageOps

from netzoo.tasks.letterbox import PADDING, Letterbox
from sizewise.core.specs import Size

SIDES = st.integers(1, 2000)
SIZES = st.builds(Size, SIDES, SIDES)
SMALL = st.builds(Size, st.integers(2, 90), st.integers(2, 90))


@given(source=SIZES, target=SIZES, seed=st.integers(0, 2**32), keep_shape=st.booleans())
def test_boxes_come_back_to_where_they_were(
    source: Size, target: Size, seed: int, keep_shape: bool
) -> None:
    box = Letterbox.fit(source, target, keep_shape=keep_shape)
    corners = np.random.default_rng(seed).random((20, 2, 2)) * (source.width, source.height)
    boxes = corners.reshape(-1, 4).astype(np.float32)
    # What float32 loses in the input's pixels counts 1/scale times in the source's.
    lost = (
        4
        * float(np.finfo(np.float32).eps)
        * (max(target.height, target.width) / min(box.scale_x, box.scale_y))
    )
    back = box.boxes_to_source(box.boxes_to_input(boxes))
    assert_allclose(back, boxes, rtol=1e-5, atol=lost + 1e-4)


@given(source=SIZES, target=SIZES)
def test_the_copy_is_as_large_as_fits_and_in_the_centre(source: Size, target: Size) -> None:
    box = Letterbox.fit(source, target)
    whole = np.array([[0, 0, source.width, source.height]], np.float32)
    x0, y0, x1, y1 = box.boxes_to_input(whole)[0].tolist()
    assert min(x0, y0) >= 0
    assert x1 <= target.width + 0.5
    assert y1 <= target.height + 0.5
    # Whole pixels: half a pixel of the copy and one of the border at most, or a side below one.
    assert abs(x0 - (target.width - x1)) <= 2 + 1e-3
    assert abs(y0 - (target.height - y1)) <= 2 + 1e-3
    touches_sides = abs(x1 - x0 - target.width) < 1e-2
    touches_top = abs(y1 - y0 - target.height) < 1e-2
    assert touches_sides or touches_top


@given(source=SIZES, target=SIZES)
def test_a_stretched_picture_fills_the_input(source: Size, target: Size) -> None:
    fitted = Letterbox.fit(source, target, keep_shape=False)
    whole = np.array([0, 0, source.width, source.height], np.float32)
    expected = [0, 0, target.width, target.height]
    assert_allclose(fitted.boxes_to_input(whole), expected, rtol=1e-6)


@settings(deadline=None)
@given(source=SMALL, target=SMALL, seed=st.integers(0, 2**32))
def test_stretched_pictures_are_those_of_pillows_resize(
    source: Size, target: Size, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (source.height, source.width, 3), np.uint8)
    resized = Image.fromarray(image).resize(
        (target.width, target.height), Image.Resampling.BILINEAR
    )
    stretched = Letterbox.fit(source, target, keep_shape=False).apply(image)
    assert_allclose(stretched, np.asarray(resized).transpose(2, 0, 1) / 255, atol=1e-6)


@settings(deadline=None)
@given(source=SMALL, target=SMALL, seed=st.integers(0, 2**32))
def test_pictures_are_those_of_pillows_pad(source: Size, target: Size, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (source.height, source.width, 3), np.uint8)
    box = Letterbox.fit(source, target)
    # Where the border can't be halved or a side is half a pixel, Pillow rounds the other way.
    inner = ImageOps.contain(Image.fromarray(image), (target.width, target.height)).size
    exact = (source.width * box.scale_x, source.height * box.scale_y)
    assume(all(abs(side % 1 - 0.5) > 1e-6 and side >= 1 for side in exact))
    assume(all((t - i) % 2 == 0 for t, i in zip((target.width, target.height), inner, strict=True)))
    padded = ImageOps.pad(
        Image.fromarray(image),
        (target.width, target.height),
        Image.Resampling.BILINEAR,
        (PADDING,) * 3,
    )
    expected = np.asarray(padded).transpose(2, 0, 1) / 255
    assert_allclose(box.apply(image), expected, atol=1e-6)


def test_input_is_float_0_to_1_channels_first_and_contiguous() -> None:
    image = np.full((10, 20, 3), 255, np.uint8)
    given_to_network = Letterbox.fit(Size(10, 20), Size(32, 64)).apply(image)
    assert given_to_network.shape == (3, 32, 64)
    assert given_to_network.dtype == np.float32
    assert given_to_network.flags.c_contiguous
    assert given_to_network.min() == given_to_network.max() == 1


def test_a_picture_of_the_inputs_size_stays_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    same = Letterbox.fit(Size(32, 48), Size(32, 48)).apply(image)
    assert_array_equal(np.round(same * 255).astype(np.uint8), image.transpose(2, 0, 1))


@pytest.mark.parametrize("keep_shape", [True, False])
@pytest.mark.parametrize("target", [Size(320, 320), Size(96, 256), Size(640, 128), Size(77, 55)])
def test_boxes_go_where_the_pixels_go(target: Size, keep_shape: bool) -> None:
    source = Size(210, 340)
    image = np.zeros((210, 340, 3), np.uint8)
    image[60:150, 120:260] = 255
    box = Letterbox.fit(source, target, keep_shape=keep_shape)
    bright = box.apply(image)[0] > 0.5
    rows, columns = np.nonzero(bright.any(1))[0], np.nonzero(bright.any(0))[0]
    seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    expected = box.boxes_to_input(np.array([120, 60, 260, 150], np.float32))
    assert_allclose(seen, expected, atol=1)


def test_small_copies_have_no_aliasing() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    shrunk = Letterbox.fit(Size(256, 256), Size(30, 30)).apply(stripes)
    assert_allclose(shrunk, 0.5, atol=0.05)


@given(source=SMALL, target=SMALL)
def test_clipped_boxes_lie_in_the_picture(source: Size, target: Size) -> None:
    boxes = np.array([[-5, -5, 3000, 3000], [1, 1, 2, 2]], np.float32)
    clipped = Letterbox.fit(source, target).clip(boxes)
    assert_array_equal(clipped, [[0, 0, source.width, source.height], [1, 1, 2, 2]])


@pytest.mark.parametrize("keep_shape", [True, False])
@pytest.mark.parametrize("target", [Size(320, 320), Size(128, 256), Size(512, 96)])
def test_a_mask_comes_back_from_the_input(target: Size, keep_shape: bool) -> None:
    mask = np.zeros((200, 300), np.uint8)
    mask[40:120, 90:250] = 1
    box = Letterbox.fit(Size(200, 300), target, keep_shape=keep_shape)
    logits = box.mask_to_input(mask).astype(np.float32) - 0.5
    back = box.map_to_source(logits) > 0
    assert back.shape == mask.shape
    assert (back & (mask > 0)).sum() / (back | (mask > 0)).sum() > 0.95


def test_nothing_of_the_border_comes_back() -> None:
    box = Letterbox.fit(Size(20, 40), Size(40, 40))
    values = np.full((40, 40), -7, np.float32)
    values[10:30] = 3
    assert_allclose(box.map_to_source(values), 3)
