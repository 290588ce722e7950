"""Maps of classes drawn from COCO's segmentations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netzoo.data.coco.dataset import read_coco
from netzoo.data.coco.segments import encode_mask
from netzoo.data.masks.label_maps import LEFT_OUT, draw_labels
from sizewise.core.errors import InputError

WriteCoco = Callable[[dict[str, Any]], Path]


@given(seed=st.integers(0, 2**32), count=st.integers(0, 6))
def test_a_pixel_has_the_one_class_that_covers_it(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    masks = random.random((count, 5, 7)) < 0.3
    labels = random.integers(0, 3, count)
    found = draw_labels([encode_mask(mask) for mask in masks], labels.tolist(), 5, 7)
    for row, column in np.ndindex(5, 7):
        classes = {int(labels[n]) for n in range(count) if masks[n, row, column]}
        expected = {0: 0, 1: next(iter(classes), 0) + 1}.get(len(classes), LEFT_OUT)
        assert found[row, column] == expected


def test_crowds_are_of_their_class_and_what_is_not_segmented_is_refused(
    small_coco: dict[str, Any], write_json: WriteCoco
) -> None:
    data = read_coco(write_json(small_coco))
    assert data.classes == ("dog", "cat")
    found = data.images[0].label_map()
    assert set(np.unique(found)) == {0, 1, 2}
    assert (found == 2).sum() > 190  # a crowd of cats has 200 pixels
    np.testing.assert_array_equal(found != 0, data.images[0].mask() == 1)
    assert not data.images[1].label_map().any()
    del small_coco["annotations"][0]["segmentation"]
    with pytest.raises(InputError, match="have no segmentation"):
        read_coco(write_json(small_coco)).images[0].label_map()
