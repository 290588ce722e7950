"""Pixels and boxes move together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from netzoo.training.augmenting.augment import Augmenter
from netzoo.training.augmenting.placing import Area, Placement, Sample, canvas_of, placed
from netzoo.training.augmenting.settings import PRESETS, Augmentation
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size

SOURCE, SIZE = Size(80, 100), Size(96, 128)
LABEL = 3
SEEDS = st.integers(0, 2**31)


def red(box: tuple[int, int, int, int], size: Size = SOURCE) -> Sample:
    """A red rectangle on black, and its mask."""
    picture = np.zeros((size.height, size.width, 3), np.uint8)
    x0, y0, x1, y1 = box
    picture[y0:y1, x0:x1, 0] = 255
    return Sample(
        picture=picture,
        boxes=np.array([box], np.float32),
        labels=np.array([LABEL]),
        mask=(picture[..., 0] > 0).astype(np.uint8),
    )


def extents(shown: NDArray[Any]) -> NDArray[np.float64]:
    """Of the pixels that are true: x0 y0 x1 y1."""
    ys, xs = np.nonzero(shown)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float64)


def is_red(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return picture[..., 0].astype(int) - picture[..., 1] > 127


@st.composite
def boxes(draw: st.DrawFn) -> tuple[int, int, int, int]:
    x0, y0 = draw(st.integers(0, 70)), draw(st.integers(0, 50))
    return x0, y0, draw(st.integers(x0 + 12, 100)), draw(st.integers(y0 + 12, 80))


@given(
    box=boxes(),
    scale=st.floats(0.5, 2),
    left=st.floats(-40, 60),
    top=st.floats(-40, 60),
    mirrored=st.booleans(),
)
def test_a_box_frames_its_pixels_wherever_it_is_put(
    box: tuple[int, int, int, int], scale: float, left: float, top: float, *, mirrored: bool
) -> None:
    area = Area(left=8, top=4, right=120, bottom=92)
    placement = Placement(
        scale_x=scale, scale_y=1.2 * scale, left=left, top=top, area=area, mirrored=mirrored
    )
    found = placed(canvas_of(SIZE, mask=True), red(box), placement, least_area=0.3)
    if not len(found.boxes):
        assert (
            is_red(found.picture).sum()
            <= 0.31 * scale * 1.2 * scale * np.prod([box[2] - box[0] + 1, box[3] - box[1] + 1])
            or min(np.subtract(box[2:], box[:2])) * scale < 3
        )
        return
    assert found.labels.tolist() == [LABEL]
    assert np.abs(extents(is_red(found.picture)) - found.boxes[0]).max() <= 1
    assert found.mask is not None
    assert np.abs(extents(found.mask) - found.boxes[0]).max() <= 1
    (x0, y0, x1, y1) = found.boxes[0]
    assert area.left <= x0 < x1 <= area.right
    assert area.top <= y0 < y1 <= area.bottom


def test_a_box_lies_to_half_a_pixel() -> None:
    """By the share of red at the border: it falls where the box says."""
    placement = Placement(
        scale_x=1.5,
        scale_y=1.5,
        left=3.25,
        top=2.75,
        area=Area(left=0, top=0, right=128, bottom=96),
    )
    found = placed(canvas_of(SIZE, mask=False), red((10, 10, 50, 40)), placement, 0.1)
    shares = found.picture[40, :, 0].astype(np.float64) / 255
    middle = int(found.boxes[0, 0] + 10)
    left = middle - shares[5:middle].sum()  # where a hard border would lie
    assert abs(left - found.boxes[0, 0]) <= 0.5


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset])
@given(seed=SEEDS, keep_shape=st.booleans())
def test_whatever_is_drawn_boxes_lie_inside_and_on_red(
    name: str, seed: int, *, keep_shape: bool
) -> None:
    preset = PRESETS[name]
    assert preset is not None
    plain = replace(preset, hue=0.0, saturation=0.0, value=0.0, mix_up=0.0, copy_paste=0.0)
    samples = [red((20, 10, 60, 50)), red((5, 5, 90, 70)), red((40, 30, 60, 45), Size(60, 200))]
    augment = Augmenter(
        size=SIZE,
        settings=plain,
        others=lambda rng: samples[rng.integers(len(samples))],
        keep_shape=keep_shape,
    )
    found = augment(samples[0], np.random.default_rng(seed))
    assert found.picture.shape == (96, 128, 3)
    assert found.picture.dtype == np.uint8
    assert len(found.boxes) == len(found.labels) <= 4
    shown = is_red(found.picture)
    for x0, y0, x1, y1 in found.boxes:
        assert 0 <= x0 < x1 <= 128
        assert 0 <= y0 < y1 <= 96
        inside = shown[int(np.ceil(y0)) : int(y1), int(np.ceil(x0)) : int(x1)]
        assert inside.mean() > 0.8 or inside.size < 60
    assert found.mask is not None
    assert (found.mask.astype(bool) == shown).mean() > 0.95


@given(seed=SEEDS)
def test_the_same_numbers_give_the_same_image(seed: int) -> None:
    preset = PRESETS["strong"]
    assert preset is not None
    augment = Augmenter(size=SIZE, settings=preset, others=lambda _: red((5, 5, 90, 70)))
    first, again = (augment(red((20, 10, 60, 50)), np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(first.picture, again.picture)
    assert np.array_equal(first.boxes, again.boxes)


def test_nothing_changes_where_nothing_is_asked_for() -> None:
    sample = red((20, 10, 60, 50), SIZE)
    augment = Augmenter(size=SIZE, settings=Augmentation(), others=lambda _: sample)
    found = augment(sample, np.random.default_rng(0))
    assert np.array_equal(found.picture, sample.picture)
    assert np.array_equal(found.boxes, sample.boxes)


def test_a_mix_has_the_boxes_of_both_and_a_paste_the_other_pixels() -> None:
    one, other = red((0, 0, 20, 20), SIZE), red((60, 60, 90, 90), SIZE)
    rng = np.random.default_rng(0)
    mixed = Augmenter(size=SIZE, settings=Augmentation(mix_up=1), others=lambda _: other)(one, rng)
    assert mixed.boxes.tolist() == [*one.boxes.tolist(), *other.boxes.tolist()]
    assert 60 < mixed.picture[10, 10, 0] < 195
    settings = Augmentation(copy_paste=1)
    pasted = Augmenter(size=SIZE, settings=settings, others=lambda _: other)(one, rng)
    assert (is_red(pasted.picture) == (is_red(one.picture) | is_red(other.picture))).all()
    assert pasted.mask is not None
    assert (pasted.mask.astype(bool) == is_red(pasted.picture)).all()


@pytest.mark.parametrize("wrong", [{"flip": 1.5}, {"scale": 0.95}, {"mosaic": -0.1}])
def test_shares_are_shares(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be in 0"):
        Augmentation(**wrong)
