"""Contact sheets: as many pictures as are given, none over another, boxes where they are."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netzoo.tasks.colours import class_colour
from netzoo.tasks.sheets import Tile, contact_sheet

GREEN = (0, 255, 0)
shapes = st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=7)


@settings(max_examples=30)
@given(shapes)
def test_every_picture_is_whole_and_apart(found: list[tuple[int, int]]) -> None:
    tiles = [
        Tile(picture=np.full((*shape, 3), GREEN, np.uint8), title="a\nb\x1b") for shape in found
    ]
    sheet = np.asarray(contact_sheet(tiles, (), side=40))
    green = (sheet == GREEN).all(-1)
    expected = 0
    for height, width in found:
        scale = 40 / max(height, width)
        expected += max(1, round(height * scale)) * max(1, round(width * scale))
    assert green.sum() == expected
    assert not green[:8].any()
    assert not green[:, -8:].any()


def test_a_box_lies_where_it_does_in_the_picture() -> None:
    tile = Tile(
        picture=np.zeros((200, 100, 3), np.uint8),
        title="",
        boxes=np.array([[20, 100, 60, 180]], np.float32),
        labels=np.array([1]),
    )
    sheet = np.asarray(contact_sheet([tile], ("red", ""), side=100)).astype(int)
    framed = np.asarray((abs(sheet - class_colour(1)) < 8).all(-1))
    rows, columns = np.nonzero(framed[:108, :108].any(1))[0], np.nonzero(framed.any(0))[0]
    # Half as large, in the middle of a square, with a line about a pixel outside.
    left, top = 8 + 25, 8
    assert abs(columns.min() - (left + 10)) <= 2
    assert abs(rows.max() - (top + 90)) <= 2


def test_masks_are_laid_over() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    mask = np.zeros((40, 40), np.bool_)
    mask[:, 20:] = True
    sheet = np.asarray(
        contact_sheet([Tile(picture=picture, title="", masks={0: mask})], ("x",), 40)
    )
    assert not sheet[10:40, 10:26].any()
    assert sheet[10:40, 32:46].any(-1).all()
