from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.planning.settings import SweepSettings
from engines.planning.batches import Batch
from sizewise.core.errors import OptionError
from sizewise.core.options.declared import fill
from sizewise.core.specs import BatchRange

COUNTS = st.integers(1, 1000)


@given(COUNTS)
def test_one_number_is_one_batch_size(count: int) -> None:
    assert Batch.parse(count) == Batch.parse(str(count)) == Batch(count)
    assert Batch.parse(f"{count}:{count}:{count}") == Batch(count)


@given(st.tuples(COUNTS, COUNTS, COUNTS))
def test_three_numbers_are_a_range_where_they_do_not_fall(given: tuple[int, int, int]) -> None:
    text = ":".join(map(str, given))
    low, tuned, high = given
    if list(given) == sorted(given):
        wanted = BatchRange(low, high) if low < high else None
        assert Batch.parse(text) == Batch(tuned, wanted)
    else:
        with pytest.raises(ValueError, match="MIN ≤ OPT ≤ MAX"):
            Batch.parse(text)


@pytest.mark.parametrize("text", ["0", "-1", "0:1:2", "1:2", "1:2:3:4", "a", "1.5", "1:a:3"])
def test_what_is_no_batch_size_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=f"'{text}' for batch.*MIN:OPT:MAX"):
        fill(SweepSettings, {"batch": [text]})


def test_settings_keep_a_range_as_it_was_written_and_a_size_as_a_number() -> None:
    kept = fill(SweepSettings, {"batch": ["1", 2, "1:4:8"], "sweep": [{"sizes": "32"}]})
    assert kept.plain()["batch"] == [1, 2, "1:4:8"]
    assert [axes.batch for axes in kept.products()] == [kept.batch]
