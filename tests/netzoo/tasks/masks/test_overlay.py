from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from netzoo.tasks.colours import class_colour
from netzoo.tasks.masks.overlay import OPACITY, draw_mask

COLOUR = np.array(class_colour(0))


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))), st.integers(0, 255))
@settings(deadline=None, max_examples=50)
def test_what_is_not_masked_stays_as_it_was(mask: NDArray[np.bool_], grey: int) -> None:
    picture = np.full((*mask.shape, 3), grey, np.uint8)
    drawn = np.asarray(draw_mask(picture, mask))
    assert drawn.shape == picture.shape
    assert (drawn[~mask] == grey).all()
    assert (picture == grey).all()


@pytest.mark.parametrize("side", [120, 1000])
def test_inside_the_picture_shines_through_and_the_edge_does_not(side: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    mask = np.zeros((side, side), bool)
    low, high = side // 4, side * 3 // 4
    mask[low:high, low:high] = True
    drawn = np.asarray(draw_mask(picture, mask)).astype(int)
    middle = side // 2
    expected = (1 - OPACITY) * picture[middle, middle] + OPACITY * COLOUR
    assert np.abs(drawn[middle, middle] - expected).max() <= 2
    assert (drawn[low, low:high] == COLOUR).all()
    assert (drawn[low:high, high - 1] == COLOUR).all()
