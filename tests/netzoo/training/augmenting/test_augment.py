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
WIDE = 6
"""Pixels: in the middle of such a box no edge is seen, however large a picture is made here."""
ROUNDING = 0.01
"""Pixels: Pillow finds the nearest pixel by fixed-point numbers."""
LARGEST = (85 * 1.28 * 1.8) * (65 * 1.2 * 1.8)
"""Pixels of the largest box that presets make of those below: stretched to the input and scaled."""


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
    x0, y0, x1, y1 = found.boxes[0]
    assert area.left <= x0 < x1 <= area.right
    assert area.top <= y0 < y1 <= area.bottom
    assert found.mask is not None
    assert np.abs(extents(found.mask) - found.boxes[0]).max() <= 0.5 + ROUNDING
    if min(x1 - x0, y1 - y0) < WIDE:  # all of it is edge
        assert np.abs(extents(is_red(found.picture)) - found.boxes[0]).max() <= 1
    else:
        assert np.abs(edges(found.picture, found.boxes[0]) - found.boxes[0]).max() <= 0.5


def edges(picture: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.float64]:
    """Where the four hard edges of a red box lie, by area: a pixel that is red by a third is
    covered by a third. They are looked at along the box's middle row and column."""
    covered = (picture[..., 0].astype(np.float64) - picture[..., 1]) / 255
    column, row = (box[:2] + box[2:]).astype(int) // 2
    across, down = covered[row], covered[:, column]
    before = column - across[:column].sum(), row - down[:row].sum()
    return np.array([*before, column + across[column:].sum(), row + down[row:].sum()])


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset])
@given(seed=SEEDS, keep_shape=st.booleans())
def test_whatever_is_drawn_boxes_lie_inside_and_on_red(
    name: str, seed: int, *, keep_shape: bool
) -> None:
    preset = PRESETS[name]
    assert preset is not None
    plain = replace(preset, hue=0.0, saturation=0.0, value=0.0, mix_up=0.0, copy_paste=0.0)
    found, all_of_it = (
        _augmented(replace(plain, least_area=least), seed, keep_shape=keep_shape)
        for least in (plain.least_area, 0.0)
    )
    assert np.array_equal(found.picture, all_of_it.picture)
    assert not _is_wide(is_red(found.picture) & ~_covered(all_of_it.boxes))
    kept = {tuple(box) for box in found.boxes.tolist()}
    for box in all_of_it.boxes:
        if tuple(box.tolist()) not in kept:
            assert (box[2] - box[0]) * (box[3] - box[1]) <= plain.least_area * LARGEST
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


def _augmented(settings: Augmentation, seed: int, *, keep_shape: bool) -> Sample:
    samples = [red((20, 10, 60, 50)), red((5, 5, 90, 70)), red((40, 30, 60, 45), Size(60, 200))]
    augment = Augmenter(
        size=SIZE,
        settings=settings,
        others=lambda rng: samples[rng.integers(len(samples))],
        keep_shape=keep_shape,
    )
    return augment(samples[0], np.random.default_rng(seed))


def _covered(boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The pixels that boxes lie on, be it by a part."""
    found = np.zeros((SIZE.height, SIZE.width), np.bool_)
    for x0, y0, x1, y1 in boxes:
        found[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
    return found


def _is_wide(shown: NDArray[np.bool_]) -> bool:
    """Whether it is three pixels wide and high somewhere: more than goes as it shows nothing."""
    blocks = np.lib.stride_tricks.sliding_window_view(shown, (3, 3))
    return bool(blocks.all((2, 3)).any())


@pytest.mark.parametrize("translate", [0.0, 0.2])
def test_a_mosaic_moves_by_up_to_what_is_asked_for(translate: float) -> None:
    """By where its first picture ends, which is all red: there four of them meet."""
    settings = Augmentation(mosaic=1.0, translate=translate, least_area=0.0)
    ends = []
    for seed in range(60):
        found = _first_of_four(settings, seed)
        assert found.boxes.tolist() == [extents(is_red(found.picture)).tolist()]
        ends.append(found.boxes[0, 2:] / (SIZE.width, SIZE.height))
    low, high = 0.3 - translate, 0.7 + translate
    assert low - 0.01 <= np.min(ends) < np.max(ends) <= high + 0.01
    assert (np.min(ends) < 0.29) == (np.max(ends) > 0.71) == (translate > 0)


def test_where_pictures_meet_may_lie_out_of_sight() -> None:
    settings = Augmentation(mosaic=1.0, translate=1.0)
    counts = {len(_first_of_four(settings, seed).boxes) for seed in range(30)}
    assert counts == {0, 1}


def _first_of_four(settings: Augmentation, seed: int) -> Sample:
    whole, black = red((0, 0, SIZE.width, SIZE.height), SIZE), red((0, 0, 0, 0), SIZE)
    augment = Augmenter(size=SIZE, settings=settings, others=lambda _: black)
    return augment(whole, np.random.default_rng(seed))


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
