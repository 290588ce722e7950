"""A reproduced table as a page."""

from __future__ import annotations

import pytest

from reports.published.markdown import markdown, published_text, value_text
from reports.published.reproduced import Found, Reproduced
from reports.published.table import read_published

TABLE = read_published("processor-ablation")


def page(*found: Found) -> str:
    cells = {(place, "miou"): cell for place, cell in enumerate(found)}
    return markdown(Reproduced(table=TABLE, cells=cells, how="counted"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2100.0, "2100"),
        (16_464, "16,464"),
        (45.0, "45"),
        (45.123456, "45.123"),
        ("O(N)", "O(N)"),
        (None, "–"),
    ],
)
def test_whole_numbers_are_counts(value: float | str | None, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.785, "0.785"), (1639.0, "1639"), (25_000_000, "25,000,000"), ("O(N)", "O(N)")],
)
def test_a_published_value_has_the_digits_of_its_publication(value: float | str, text: str) -> None:
    assert published_text(value) == text


def test_a_heading_tells_a_columns_name_from_what_it_means() -> None:
    assert "## miou: mIoU\n" in page()


def test_a_reason_ends_in_one_full_stop() -> None:
    assert page(Found(why="It has none. Add one.")).count("It has none. Add one.\n") == 1


def test_a_correlation_is_of_the_rows_that_have_both() -> None:
    cells = {(0, "miou"): Found(ratio=1.0), (1, "miou"): Found(why="none"), (2, "miou"): Found()}
    found = Reproduced(table=TABLE, cells=cells, how="counted")
    assert len(found.pairs("miou")) == 1
