from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.settings import SweepSettings
from engines.planning.batches import parse_batch
from sizewise.core.errors import UsageError
from sizewise.core.specs import BatchRange

COUNTS = st.integers(1, 1000)


@given(COUNTS)
def test_one_number_is_one_batch_size(count: int) -> None:
    assert parse_batch(count) == parse_batch(str(count)) == (count, None)
    assert parse_batch(f"{count}:{count}:{count}") == (count, None)


@given(st.tuples(COUNTS, COUNTS, COUNTS))
def test_three_numbers_are_a_range_where_they_do_not_fall(given: tuple[int, int, int]) -> None:
    text = ":".join(map(str, given))
    low, tuned, high = given
    if list(given) == sorted(given):
        wanted = BatchRange(low, high) if low < high else None
        assert parse_batch(text) == (tuned, wanted)
    else:
        with pytest.raises(UsageError, match=text):
            parse_batch(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "0:1:2", "1:2", "1:2:3:4", "a", "1.5", "1:a:3"])
def test_what_is_no_batch_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no batch size.*1:4:8"):
        SweepSettings.model_validate({"batch": [text]})


def test_settings_keep_a_range_as_it_was_written_and_a_size_as_a_number() -> None:
    kept = SweepSettings.model_validate({"batch": ["1", 2, "1:4:8"], "sweep": [{"sizes": "32"}]})
    assert kept.batch == (1, 2, "1:4:8")
    assert [axes.batch for axes in kept.products()] == [kept.batch]
