from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sizewise.core.ranked.sets import as_sets

Array = NDArray[Any]
Outputs = dict[str, Array]
seeds = st.integers(0, 1000)
ROWS = 40


def chosen(boxes: Array, scores: Array, *, joined: bool = False) -> Outputs:
    """The best of boxes [2, N, 4] by the largest of their scores [2, N, 3]: in one table with the
    best score behind the box, or in two."""
    best = scores.max(axis=2)
    order = np.argsort(-best, axis=1, kind="stable")[:, :ROWS, None]
    boxes, scores = (np.take_along_axis(one, order, axis=1) for one in (boxes, scores))
    if joined:
        return {"rows": np.concatenate([boxes, scores.max(axis=2)[..., None]], axis=2)}
    return {"boxes": boxes, "scores": scores}


def candidates(seed: int) -> tuple[Array, Array]:
    """Boxes, and scores of which some ten at a time are the same number in 16 bits."""
    random = np.random.default_rng(seed)
    scores = 0.5 + 0.01 * random.random((2, 200, 1))
    boxes = (640 * random.random((2, 200, 4))).astype(np.float32)
    return boxes, (scores * np.array([0.2, 1.0, 0.5])).astype(np.float32)


def halved(values: Array) -> Array:
    return values.astype(np.float16).astype(np.float32)


def error(expected: Array, given: Array) -> float:
    """Relative, in root mean square."""
    return float(np.linalg.norm(given - expected) / np.linalg.norm(expected))


@given(seed=seeds, joined=st.booleans())
def test_rows_that_a_precision_moves_are_found_again(seed: int, *, joined: bool) -> None:
    boxes, scores = candidates(seed)
    expected = chosen(boxes, scores, joined=joined)
    given = chosen(halved(boxes), halved(scores), joined=joined)
    found = as_sets(expected, given)
    for name in expected:
        assert error(expected[name], found[name]) < 0.01
    moved = "rows" if joined else "boxes"
    assert error(expected[moved], given[moved]) > 0.1


@given(seed=seeds)
def test_boxes_of_other_places_stay_wrong(seed: int) -> None:
    boxes, scores = candidates(seed)
    expected = chosen(boxes, scores)
    given = chosen(boxes[:, ::-1], halved(scores))
    assert error(expected["boxes"], as_sets(expected, given)["boxes"]) > 0.1


@given(seed=seeds, factor=st.floats(0, 0.9))
def test_scores_that_are_wrong_stay_wrong(seed: int, factor: float) -> None:
    boxes, scores = candidates(seed)
    expected = chosen(boxes, scores)
    given = {**expected, "scores": factor * expected["scores"]}
    found = error(expected["scores"], as_sets(expected, given)["scores"])
    assert found == pytest.approx(1 - factor, rel=0.05)


@given(seed=seeds, cut=st.integers(1, ROWS - 1))
def test_the_column_that_rows_are_sorted_by_keeps_its_order(seed: int, cut: int) -> None:
    """Whatever the rows: here the last scores are lost, and all boxes are others."""
    boxes, scores = candidates(seed)
    expected = chosen(boxes, scores, joined=True)
    given = chosen(boxes[::-1], scores, joined=True)
    given["rows"][:, cut:, 4] = 0
    found = as_sets(expected, given)
    assert np.array_equal(found["rows"][..., 4], given["rows"][..., 4])


@given(seed=seeds)
def test_the_best_of_several_scores_of_a_row_that_is_lost_counts(seed: int) -> None:
    boxes, scores = candidates(seed)
    expected = chosen(boxes, scores)
    given = {name: array.copy() for name, array in expected.items()}
    given["boxes"][:, -1] += 1000
    given["scores"][:, -1, 1] -= 1e-4
    found = as_sets(expected, given)
    assert np.array_equal(found["boxes"], expected["boxes"])
    assert np.array_equal(found["scores"], given["scores"])


@given(seed=seeds)
def test_outputs_that_are_not_sorted_are_left_as_they_are(seed: int) -> None:
    random = np.random.default_rng(seed)
    expected = {"boxes": random.random((2, 30, 4)), "scores": random.random((2, 30, 3))}
    given = {name: array[:, ::-1] for name, array in expected.items()}
    found = as_sets(expected, given)
    assert all(np.array_equal(found[name], given[name]) for name in given)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_left_where_they_are(value: float) -> None:
    boxes, scores = candidates(0)
    expected, given = chosen(boxes, scores), chosen(halved(boxes), halved(scores))
    given["boxes"][0, 3] = value
    found = as_sets(expected, given)
    assert np.array_equal(found["boxes"][0], given["boxes"][0], equal_nan=True)
    assert error(expected["boxes"][1], found["boxes"][1]) < 0.01


def test_outputs_of_another_shape_type_or_name_are_left_as_they_are() -> None:
    ranked = np.linspace(1, 0, 8)[None]
    expected = {"a": ranked, "b": ranked, "c": np.array([["x"] * 8]), "d": ranked[0], "e": ranked}
    given = {"a": ranked[:, :5], "c": expected["c"], "d": ranked[0], "b": ranked[:, ::-1]}
    found = as_sets(expected, given)
    assert list(found) == list(given)
    assert all(np.array_equal(found[name], given[name]) for name in given)
