"""Doubts about boxes beside a count of their pixels, one by one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netzoo.data.checking.doubts import SHORT_PX, doubts_of_boxes
from tests.netzoo.factories import annotated

SIDE = 20
Box = tuple[int, int, int, int]
corners, sides = st.integers(-6, SIDE), st.integers(1, 12)
boxes = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), corners, corners, sides, sides)
labelled = st.lists(st.tuples(boxes, st.integers(0, 1)), max_size=6)


def _pixels(box: Box) -> set[tuple[int, int]]:
    return {(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])}


def _outside(box: Box) -> int:
    """How far the farthest pixel lies from the picture."""
    return max(max(-x, x - SIDE + 1, -y, y - SIDE + 1, 0) for x, y in _pixels(box))


@settings(max_examples=150)
@given(labelled)
def test_each_doubt_is_there_as_often_as_it_should(found: list[tuple[Box, int]]) -> None:
    image = annotated(
        Path("0.png"),
        SIDE,
        SIDE,
        np.array([box for box, _ in found], np.float32).reshape(-1, 4),
        np.array([label for _, label in found], np.int64),
    )
    counts = Counter(doubt.kind for doubt in doubts_of_boxes(image, ("a", "b")))
    assert counts["beyond"] == sum(_outside(box) > 1 for box, _ in found)
    short = [min(box[2] - box[0], box[3] - box[1]) < SHORT_PX for box, _ in found]
    assert counts["tiny"] == sum(short)
    # Of such small boxes, no two overlap by more than 95 % unless they are the same.
    assert counts["duplicate"] == len(found) - len(set(found))
