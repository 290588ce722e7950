"""Pascal VOC's AP beside a second implementation, written from the development kit's description.

That one goes detection by detection over plain lists and fractions, as the kit does; ours goes
class by class over arrays.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netzoo.data.coco.dataset import AnnotatedImage, Dataset
from netzoo.tasks.boxes.suppression import Detections
from netzoo.tasks.boxes.voc_ap import voc_figures

Box = tuple[int, int, int, int]
Object = tuple[int, Box, bool]
"""Class, box and whether it is difficult."""
Found = tuple[int, Box, float]
CLASSES = ("a", "b", "never there")

corners = st.integers(0, 12)
sides = st.integers(1, 12)
boxes = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), corners, corners, sides, sides)
objects = st.lists(st.tuples(st.integers(0, 1), boxes, st.booleans()), max_size=5)
scores = st.integers(1, 99).map(lambda percent: percent / 100)
found = st.lists(st.tuples(st.integers(0, 2), boxes, scores), max_size=8)


def _image(number: int, there: list[Object]) -> AnnotatedImage:
    single, crowd = ([o for o in there if o[2] is difficult] for difficult in (False, True))
    return AnnotatedImage(
        id=number,
        path=Path(f"{number}.png"),
        height=32,
        width=32,
        boxes=np.array([box for _, box, _ in single], np.float32).reshape(-1, 4),
        labels=np.array([label for label, *_ in single], np.int64),
        crowd_boxes=np.array([box for _, box, _ in crowd], np.float32).reshape(-1, 4),
        crowd_labels=np.array([label for label, *_ in crowd], np.int64),
        segments=(None,) * len(there),
    )


def _dataset(images: list[list[Object]]) -> Dataset:
    return Dataset(
        name="made up",
        classes=CLASSES,
        category_ids=(1, 2, 3),
        images=tuple(_image(number, there) for number, there in enumerate(images)),
        sha256="",
    )


def _detections(listed: list[Found]) -> Detections:
    return Detections(
        boxes=np.array([box for _, box, _ in listed], np.float32).reshape(-1, 4),
        scores=np.array([score for *_, score in listed], np.float32),
        labels=np.array([label for label, *_ in listed], np.int64),
    )


def _overlap(one: Box, other: Box) -> Fraction:
    cells = [{(x, y) for x in range(b[0], b[2]) for y in range(b[1], b[3])} for b in (one, other)]
    return Fraction(len(cells[0] & cells[1]), len(cells[0] | cells[1]))


def _second(
    images: list[list[Object]], found: list[list[Found]], label: int, *, eleven_points: bool
) -> float | None:
    """As VOCevaldet does: all detections of a class in one list by their scores, and a flag on each
    object that was detected."""
    count = sum(one == label and not difficult for there in images for one, _, difficult in there)
    if not count:
        return None
    listed = [
        (score, place, box)
        for place, of_image in enumerate(found)
        for one, box, score in of_image
        if one == label
    ]
    listed.sort(key=lambda one: -one[0])
    detected: set[tuple[int, int]] = set()
    true, false = 0, 0
    curve: list[tuple[Fraction, Fraction]] = []
    for _, place, box in listed:
        best, overlap = -1, Fraction(-1)
        ordered = sorted(enumerate(images[place]), key=lambda one: one[1][2])  # difficult ones last
        for number, (one, other, _) in ordered:
            if one == label and _overlap(box, other) > overlap:
                best, overlap = number, _overlap(box, other)
        if overlap >= Fraction(1, 2):
            if images[place][best][2]:
                continue
            if (place, best) not in detected:
                true += 1
                detected.add((place, best))
            else:
                false += 1
        else:
            false += 1
        curve.append((Fraction(true, count), Fraction(true, true + false)))
    if eleven_points:
        steps = [Fraction(step, 10) for step in range(11)]
        most = [max((p for r, p in curve if r >= step), default=Fraction(0)) for step in steps]
        return float(sum(most) / 11)
    area, before = Fraction(0), Fraction(0)
    for recall, _ in curve:
        area += (recall - before) * max(p for r, p in curve if r >= recall)
        before = recall
    return float(area)


@settings(max_examples=150)
@given(
    case=st.lists(st.tuples(objects, found), min_size=1, max_size=4), eleven_points=st.booleans()
)
def test_a_second_implementation_gives_the_same(
    case: list[tuple[list[Object], list[Found]]], eleven_points: bool
) -> None:
    images, listed = [there for there, _ in case], [of_image for _, of_image in case]
    given_ones = {number: _detections(of_image) for number, of_image in enumerate(listed)}
    ours = voc_figures(_dataset(images), given_ones, eleven_points=eleven_points)
    theirs = {
        name: ap
        for label, name in enumerate(CLASSES)
        if (ap := _second(images, listed, label, eleven_points=eleven_points)) is not None
    }
    assert ours.ap_by_class == pytest.approx(theirs)
    mean = sum(theirs.values()) / len(theirs) if theirs else None
    assert ours.values == ({"map": pytest.approx(mean)} if theirs else {"map": None})


BOX: Box = (0, 0, 10, 10)


@pytest.mark.parametrize(("eleven_points", "expected"), [(True, 6 / 11), (False, 0.5)])
def test_half_of_the_objects_found_without_an_error(eleven_points: bool, expected: float) -> None:
    images: list[list[Object]] = [[(0, BOX, False)], [(0, BOX, False)]]
    given_ones = {0: _detections([(0, BOX, 0.9)]), 1: _detections([])}
    ours = voc_figures(_dataset(images), given_ones, eleven_points=eleven_points)
    assert ours.values["map"] == pytest.approx(expected)


def test_a_recall_is_compared_exactly() -> None:
    """3 objects of 10: in floats, .3 is less than 3 × .1, and the precision there would be lost."""
    images: list[list[Object]] = [[(0, BOX, False)] for _ in range(10)]
    given_ones = {n: _detections([(0, BOX, 0.9)] if n < 3 else []) for n in range(10)}
    ours = voc_figures(_dataset(images), given_ones, eleven_points=True)
    assert ours.values["map"] == pytest.approx(4 / 11)


def test_a_second_detection_of_an_object_is_wrong_even_where_another_is_free() -> None:
    """COCO's program gives it the other one."""
    images: list[list[Object]] = [[(0, BOX, False), (0, (0, 0, 10, 16), False)]]
    given_ones = {0: _detections([(0, BOX, 0.9), (0, (0, 0, 10, 11), 0.8)])}
    ours = voc_figures(_dataset(images), given_ones, eleven_points=False)
    assert ours.values["map"] == pytest.approx(0.5)


def test_half_an_overlap_is_enough() -> None:
    """The development kit asks for at least that; COCO's program as well."""
    images: list[list[Object]] = [[(0, BOX, False)]]
    ours = voc_figures(
        _dataset(images), {0: _detections([(0, (0, 0, 10, 5), 0.9)])}, eleven_points=False
    )
    assert ours.values["map"] == 1
