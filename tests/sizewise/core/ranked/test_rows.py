from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sizewise.core.ranked.rows import in_the_order_of

Array = NDArray[Any]
TOLERANCES = {"boxes": 1e-3, "scores": 1e-3}


def ranked(seed: int, ties: int, rows: int = 12) -> dict[str, Array]:
    """Boxes [2, N, 4] and scores [2, N, 3], best first; the first ``ties`` have one score."""
    random = np.random.default_rng(seed)
    best = np.sort(random.random((2, rows)), axis=1)[:, ::-1]
    best[:, :ties] = best[:, :1]
    scores = best[..., None] * np.array([0.2, 1.0, 0.5])
    return {"boxes": random.random((2, rows, 4)) * 100, "scores": scores}


def equal(one: dict[str, Array], other: dict[str, Array]) -> bool:
    return all(np.abs(one[name] - other[name]).max() <= TOLERANCES[name] for name in one)


@given(seed=st.integers(0, 1000), ties=st.integers(2, 11))
def test_rows_that_tie_may_stand_in_any_order(seed: int, ties: int) -> None:
    expected = ranked(seed, ties)
    order = np.arange(12)
    order[:ties] = np.random.default_rng(seed).permutation(ties)
    given = {name: array[:, order] for name, array in expected.items()}
    assert equal(expected, in_the_order_of(expected, given, TOLERANCES))


def test_rows_that_do_not_tie_may_not() -> None:
    expected = ranked(0, ties=0)
    given = {name: array[:, ::-1] for name, array in expected.items()}
    assert not equal(expected, in_the_order_of(expected, given, TOLERANCES))


def test_rows_of_wrong_values_stay_wrong() -> None:
    expected = ranked(1, ties=11)
    given = {name: array[:, [*range(10, -1, -1), 11]] for name, array in expected.items()}
    given["boxes"][1, 5] += 1
    found = in_the_order_of(expected, given, TOLERANCES)
    wrong = np.abs(found["boxes"] - expected["boxes"]).max(axis=2) > TOLERANCES["boxes"]
    assert wrong.sum() <= 1
    given["scores"][:, :6] += 0.3
    assert not equal(expected, in_the_order_of(expected, given, TOLERANCES))


def test_outputs_that_are_not_sorted_are_left_as_they_are() -> None:
    random = np.random.default_rng(2)
    expected = {"boxes": random.random((1, 50, 4)), "scores": random.random((1, 50, 3))}
    given = {name: array[:, ::-1] for name, array in expected.items()}
    found = in_the_order_of(expected, given, TOLERANCES)
    assert all(np.array_equal(found[name], given[name]) for name in given)


def test_of_rows_that_tie_with_the_last_others_may_be_chosen() -> None:
    expected = ranked(3, ties=0)
    expected["scores"][:, -4:] = expected["scores"][:, -1:]
    given = {name: array.copy() for name, array in expected.items()}
    given["boxes"][:, -2:] = 7.0
    assert equal(expected, in_the_order_of(expected, given, TOLERANCES))
    given["scores"][:, -2:] -= 0.3
    assert not equal(expected, in_the_order_of(expected, given, TOLERANCES))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_never_equal(value: float) -> None:
    expected = ranked(4, ties=11)
    given = {name: array[:, [*range(10, -1, -1), 11]] for name, array in expected.items()}
    given["boxes"][0, 3] = value
    found = in_the_order_of(expected, given, TOLERANCES)
    assert not equal(expected, found)
