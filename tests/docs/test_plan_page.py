"""docs/plan.md: it says what the record says (docs/make/planning.py)."""

from __future__ import annotations

import pytest

from docs.make import planning
from docs.make.method.records import read_record
from tests.reports.choice.planning.large import cases

TEXT = planning.PAGE.read_text(encoding="utf-8")


def test_the_page_has_the_table_of_the_record() -> None:
    inside = TEXT.partition("<!-- gaps -->\n")[2].partition("\n<!-- /gaps -->")[0]
    assert inside.splitlines() == list(planning.gaps())


def test_the_record_has_a_plan_of_each_case_within_its_time() -> None:
    record = read_record(planning.RECORD)
    if record is None:
        pytest.skip("it was not measured yet")
    rows = record["rows"]
    assert {row["name"] for row in rows} <= {case.name for case in cases()}
    assert all(row["engines"] > 0 and 0 <= row["gap"] < 1 for row in rows)
    # The last part that was begun is finished.
    assert all(row["cpu_s"] < 2 * record["seconds"] for row in rows)
