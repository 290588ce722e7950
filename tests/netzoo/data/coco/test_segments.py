from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pycocotools import mask as coco_mask

from netzoo.data.coco.segments import draw_mask, encode_mask, rle_runs


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_masks_survive_their_encoding(height: int, width: int, share: float, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    segment = encode_mask(mask)
    assert_array_equal(draw_mask([segment], height, width), mask)


@given(runs=st.lists(st.integers(1, 10**6), min_size=1, max_size=40))
def test_runs_are_those_that_pycocotools_packed(runs: list[int]) -> None:
    packed = coco_mask.frPyObjects({"size": [1, sum(runs)], "counts": runs}, 1, sum(runs))
    assert_array_equal(rle_runs(packed["counts"].decode()), runs)
