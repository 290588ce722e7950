"""Drawn pictures, by their pixels."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.colours import Colour, class_colour, text_colour
from netzoo.tasks.drawing import draw_detections

Pixels = NDArray[np.uint8]
GREY = 128
NAMES = ("person", "dog", "traffic light")


def _found(*boxes: tuple[float, float, float, float], labels: tuple[int, ...]) -> Detections:
    return Detections(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.full(len(boxes), 0.87, np.float32),
        labels=np.array(labels, np.int64),
    )


def _drawn(height: int, width: int, found: Detections) -> Pixels:
    blank = np.full((height, width, 3), GREY, np.uint8)
    drawn = np.asarray(draw_detections(blank, found, NAMES))
    assert (blank == GREY).all()
    assert drawn.shape == blank.shape
    return drawn


def _count(drawn: Pixels, colour: Colour) -> int:
    return int((drawn == colour).all(2).sum())


@pytest.mark.parametrize(("height", "width"), [(240, 320), (480, 640), (3000, 4000)])
def test_a_frame_stands_where_the_box_is_and_nothing_within_is_touched(
    height: int, width: int
) -> None:
    x0, y0, x1, y1 = width // 4, height // 3, width // 2, height * 3 // 4
    drawn = _drawn(height, width, _found((x0, y0, x1, y1), labels=(2,)))
    colour, line = class_colour(2), max(2, round(np.sqrt(height * width) / 260))
    row, column = drawn[(y0 + y1) // 2], drawn[:, (x0 + x1) // 2]
    for side, place in ((row, x0), (row, x1 - 1), (column, y1 - 1)):
        assert_array_equal(side[place], colour)
    inner = drawn[y0 + line : y1 - line, x0 + line : x1 - line]
    assert (inner == GREY).all()
    assert (drawn[: height // 6] == GREY).all()


def test_lines_and_letters_grow_with_the_picture() -> None:
    def letters(height: int, width: int) -> int:
        box = (width // 4, height // 3, width // 2, height // 2)
        return _count(_drawn(height, width, _found(box, labels=(0,))), text_colour(class_colour(0)))

    small, large = letters(320, 320), letters(3000, 4000)
    assert small > 20
    assert large > 20 * small


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 40, 40),
        (600, 0, 640, 40),
        (0, 440, 40, 480),
        (600, 440, 640, 480),
        (0, 0, 640, 480),
        (0, 100, 5, 400),
    ],
)
def test_labels_stay_whole_wherever_the_box_is(box: tuple[float, ...]) -> None:
    ink = text_colour(class_colour(1))
    whole = _count(_drawn(480, 640, _found((200, 200, 300, 300), labels=(1,))), ink)
    x0, y0, x1, y1 = box
    drawn = _drawn(480, 640, _found((x0, y0, x1, y1), labels=(1,)))
    assert _count(drawn, ink) == whole > 0


def test_labels_of_boxes_in_one_place_do_not_cover_each_other() -> None:
    box = (200.0, 200.0, 300.0, 300.0)
    together = _drawn(480, 640, _found(box, box, box, labels=(0, 1, 2)))
    alone = [_drawn(480, 640, _found(box, labels=(label,))) for label in range(3)]
    for ink in ((0, 0, 0), (255, 255, 255)):
        assert _count(together, ink) == sum(_count(one, ink) for one in alone) > 0


def test_a_name_that_is_too_long_is_cut() -> None:
    blank = np.zeros((60, 80, 3), np.uint8)
    found = _found((10, 30, 50, 50), labels=(0,))
    drawn = np.asarray(draw_detections(blank, found, ["a name that goes on and on " * 9]))
    assert _count(drawn, class_colour(0)) > 200


def test_classes_without_names_are_numbered() -> None:
    blank = np.zeros((200, 200, 3), np.uint8)
    found = _found((50, 50, 100, 100), labels=(7,))
    unnamed = draw_detections(blank, found, ())
    named = draw_detections(blank, found, [f"class {k}" for k in range(8)])
    assert_array_equal(np.asarray(unnamed), np.asarray(named))


def test_nothing_found_is_the_picture_itself() -> None:
    assert (_drawn(50, 60, _found(labels=())) == GREY).all()


CORNERS = st.floats(-500, 5000, width=32)


@settings(deadline=None, max_examples=60)
@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    boxes=st.lists(st.tuples(CORNERS, CORNERS, CORNERS, CORNERS), max_size=8),
)
def test_any_picture_takes_any_box(
    height: int, width: int, boxes: list[tuple[float, float, float, float]]
) -> None:
    labels = tuple(k % 3 for k in range(len(boxes)))
    drawn = _drawn(height, width, _found(*boxes, labels=labels))
    assert bool(boxes) == bool((drawn != GREY).any())


def _luminance(colour: Colour) -> float:
    """WCAG 2.2, relative luminance."""
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.divide(colour, 255)
    ]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


@given(label=st.integers(0, 10_000))
def test_text_has_the_contrast_that_accessibility_asks(label: int) -> None:
    background = class_colour(label)
    low, high = sorted((_luminance(background), _luminance(text_colour(background))))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_few_classes_are_easily_told_apart() -> None:
    colours = [np.array(class_colour(label)) for label in range(10)]
    assert all(np.linalg.norm(a - b) > 80 for a, b in combinations(colours, 2))
