"""docs/plan.md: it says what the record says (docs/make/planning.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from docs.make import planning
from docs.make.method.records import read_record
from docs.make.plans import tables
from tests.reports.choice.planning.large import cases

TEXT = planning.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "table"),
    [("gaps", planning.gaps), ("gains", tables.gains), ("kept", tables.kept)],
)
def test_the_page_has_the_table_of_the_record(
    name: str, table: Callable[[], Sequence[str]]
) -> None:
    inside = TEXT.partition(f"<!-- {name} -->\n")[2].partition(f"\n<!-- /{name} -->")[0]
    assert inside.splitlines() == list(table())


def test_the_record_has_a_plan_of_each_case_within_its_time() -> None:
    record = read_record(planning.RECORD)
    if record is None:
        pytest.skip("it was not measured yet")
    rows = record["rows"]
    assert {row["name"] for row in rows} <= {case.name for case in cases()}
    assert all(row["engines"] > 0 and 0 <= row["gap"] < 1 for row in rows)
    # The last part that was begun is finished.
    assert all(row["cpu_s"] < 2 * record["seconds"] for row in rows)


def test_each_plan_and_each_plain_choice_ran_as_often() -> None:
    record = read_record(tables.RECORD)
    if record is None:
        pytest.skip("it was not measured yet")
    for row in record["rows"]:
        assert tables.PLAN in row["choices"]
        for choice in row["choices"].values():
            assert len(choice["measured"]) == record["rounds"]
