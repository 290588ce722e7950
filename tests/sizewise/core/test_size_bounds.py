"""Sizes that nobody could measure: refused in a sentence before they are expanded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizewise.core.errors import UsageError
from sizewise.core.specs import Sizes


@given(st.integers(1, 5000), st.sampled_from("192"), st.sampled_from(["{}", "{}x64", "64:{}:32"]))
def test_a_number_of_any_length_is_read_or_refused_in_a_short_sentence(
    digits: int, digit: str, form: str
) -> None:
    text = form.format(digit * digits)
    said, found = "", Sizes()
    try:
        found = Sizes.parse(text)
    except UsageError as error:
        said = str(error)
    assert len(said) < 600
    assert bool(said) is not bool(found)
    assert said or digits <= 6


@pytest.mark.parametrize(
    "many",
    [
        ",".join(map(str, range(1, 1002))),
        ",".join(["416"] * 10**6),
        range(1, 10**12),
        ["32:3200:32", "33:3300:33", *(f"{k}:{k * 1000}:{k}" for k in (7, 11))],
    ],
    ids=["each another", "one again and again", "a range of Python", "ranges"],
)
def test_more_sizes_than_can_be_measured_are_refused(many: str | list[int | str]) -> None:
    with pytest.raises(UsageError, match=r"sizes are more than the limit of 1,000"):
        Sizes.parse(many)


def test_a_thousand_sizes_are_taken() -> None:
    assert len(Sizes.parse("32:32000:32")) == 1000
    assert len(Sizes.parse(range(1, 1001))) == 1000
