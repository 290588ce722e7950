"""Each column is declared once, with its unit in its name and a sentence that documents it."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from reports.columns import COLUMNS, NONE, UNITS, Column, Row
from reports.load import select_records, to_frame
from reports.rows.calls import PART_COLUMNS, WAY_COLUMNS
from reports.tables.lists import column_table
from sizewise.core.trials import METRICS
from tests.reports.test_grid import cells

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

NO_COLUMNS = {"result", "parts"}


def test_every_column_is_declared_and_every_declared_column_is_there(lab: Lab) -> None:
    frame = to_frame(select_records([lab.run([lab.ok(lab.trial())])], "x").rows)
    assert list(frame.columns) == list(COLUMNS)
    assert {field.name for field in fields(Row)} == {*COLUMNS, *NO_COLUMNS}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=list(COLUMNS))
def test_a_column_is_described_in_a_sentence_and_named_by_its_unit(column: Column) -> None:
    assert column.description[0].isupper()
    assert column.description.endswith(".")
    endings = {unit for unit, ending in UNITS.items() if column.name.endswith(ending)}
    assert endings in ({column.unit}, {"s", column.unit}) or (
        not endings and column.unit in ("", "0–1")
    )
    assert column.title


def test_scores_are_the_recorded_metrics() -> None:
    titles = {name: column.title for name, column in COLUMNS.items() if column.unit == "0–1"}
    assert titles == {metric.name: metric.title for metric in METRICS}


def test_parts_have_columns() -> None:
    assert {*PART_COLUMNS.values(), *WAY_COLUMNS.values()} <= set(COLUMNS)


def test_a_value_is_written_as_its_column_says(lab: Lab) -> None:
    (row,) = select_records([lab.run([lab.ok(lab.trial(), ap=0.5)])], "x").rows
    assert row.text("ap") == "0.500"
    assert row.text("size") == "128×128"
    assert row.text("build_s") == "0.400"
    assert row.text("miou") == row.text("disturbances") == row.text("reason") == NONE
    assert row.text("latency_p99_ms") == NONE
    assert row.text("latency_width").startswith("±")
    assert COLUMNS["build_s"].heading == "build (s)"
    assert COLUMNS["ap"].heading == "AP (0–1)"
    assert math.isnan(row.gpu_mib)


def test_the_table_of_columns_has_them_all() -> None:
    (header, *rows) = cells(column_table())
    assert header == ["column", "unit", "meaning"]
    assert [row[:2] for row in rows] == [[c.name, c.unit] for c in COLUMNS.values()]
    assert [row[2] for row in rows] == [c.description for c in COLUMNS.values()]
