from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as reference

from sizewise.core.stats import RIGORS, Ratio, verdicts
from sizewise.core.stats.estimates import Estimate
from sizewise.core.stats.ratios import ratio_of
from sizewise.core.stats.verdicts import LEVEL, significant


def ratio(share: float, error: float, degrees: float = 11) -> Ratio:
    """A difference of this share, with this standard error."""
    one = Estimate.single(math.log1p(share), error**2, degrees)
    return ratio_of(one, "together", waves=12, shared=0.0, disturbed=False)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_differences_are_chosen_as_benjamini_and_hochberg_did(p: list[float]) -> None:
    expected = reference.false_discovery_control(p) <= LEVEL
    # Both round differently where a p value lies on the very edge.
    edge = np.isclose(reference.false_discovery_control(p), LEVEL, rtol=1e-9)
    assert np.array_equal(significant(np.array(p)) | edge, expected | edge)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.integers(1, 5))
def test_pairs_measured_apart_count_as_no_test(p: list[float], apart: int) -> None:
    found = significant(np.array([*p, *[np.nan] * apart]))
    assert np.array_equal(found[: len(p)], significant(np.array(p)))
    assert not found[len(p) :].any()


def test_many_reports_at_once_are_as_each_by_itself() -> None:
    p = np.random.default_rng(1).random((200, 6)) ** 4
    assert np.array_equal(significant(p), [significant(row) for row in p])


@pytest.mark.parametrize(
    ("share", "error", "expected"),
    [
        (-0.10, 0.01, "FASTER"),
        (0.10, 0.01, "SLOWER"),
        (0.001, 0.005, "SAME"),
        (0.001, 0.02, "UNCLEAR"),
        (0.03, 0.02, "UNCLEAR"),
    ],
)
def test_a_pair_is_called_by_its_own_interval(share: float, error: float, expected: str) -> None:
    assert verdicts([ratio(share, error)], RIGORS["standard"]) == (expected,)


def test_a_certain_difference_is_named_though_it_lies_within_the_margin() -> None:
    assert verdicts([ratio(0.01, 0.001)], RIGORS["standard"]) == ("SLOWER",)


def test_what_is_the_same_depends_on_the_rigor() -> None:
    found = {name: verdicts([ratio(0.002, 0.008)], rigor) for name, rigor in RIGORS.items()}
    assert found == {"quick": ("SAME",), "standard": ("SAME",), "paper": ("UNCLEAR",)}


@given(st.floats(-0.2, 0.2), st.floats(0.001, 0.1))
def test_what_is_said_of_one_is_the_opposite_of_the_other(share: float, error: float) -> None:
    there = ratio(share, error)
    opposite = {"FASTER": "SLOWER", "SLOWER": "FASTER"}
    (one,), (other,) = (verdicts([r], RIGORS["quick"]) for r in (there, there.inverse()))
    assert one is not None
    assert other == opposite.get(one, one)


def test_the_more_pairs_a_report_speaks_of_the_more_certain_each_has_to_be() -> None:
    close = ratio(0.03, 0.01)
    noise = [ratio(0.001, 0.01)] * 9
    assert verdicts([close], RIGORS["quick"])[0] == "SLOWER"
    assert verdicts([close, *noise], RIGORS["quick"])[0] != "SLOWER"


def test_what_was_measured_apart_gets_no_verdict() -> None:
    assert verdicts([Ratio(ratio=3.0), ratio(0.1, 0.01)], RIGORS["quick"]) == (None, "SLOWER")
    assert verdicts([], RIGORS["quick"]) == ()


def test_where_others_took_much_of_the_cores_nothing_is_said_and_nothing_is_tested() -> None:
    crowded = [replace(ratio(share, 0.001), crowded=True) for share in (3.0, 0.0)]
    close = ratio(0.03, 0.01)
    assert verdicts([*crowded, close], RIGORS["quick"]) == ("UNCLEAR", "UNCLEAR", "SLOWER")
    assert verdicts([crowded[0].inverse()], RIGORS["quick"]) == ("UNCLEAR",)
