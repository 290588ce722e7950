"""docs/reproduced.md says what the raw records say (docs/make/reproduced.py)."""

from __future__ import annotations

from typing import Any

import pytest

from docs.make import recorded, reproduced
from reports.published.table import published_tables, read_published
from sizewise.core.specs import Size
from tests.reports.conftest import Lab
from tests.reports.scripted import steady

TABLE = "yolov3-coco"


def test_the_page_is_what_the_records_give() -> None:
    page = reproduced.rendered()
    assert reproduced.PAGE.read_text(encoding="utf-8") == page
    rows = _rows(page)
    assert {row[0].strip("`") for row in rows} >= set(published_tables())
    (said,) = (row[2] for row in rows if row[:2] == ["`training-grids`", "predictions"])
    assert said == "2 of 3 as published; not 320×320"


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Of YOLOv3 at two of three sizes; the third could not be measured."""
    lab = Lab()
    sizes = (Size(320, 320), Size(416, 416))
    results = [
        steady(lab.ok(lab.trial("openvino", size=size, sizes=sizes)), scale)
        for size, scale in zip(sizes, (10.0, 20.0), strict=True)
    ]
    made = {
        **{"how": "openvino on a laptop", "started": "then", "ended": "later"},
        "failed": {"2": "the memory was full"},
        "runs": recorded.plain_runs([lab.run(results)]),
    }
    monkeypatch.setattr(reproduced, "trained_cells", lambda _: {})
    monkeypatch.setattr(
        reproduced, "read_record", lambda name: made if name == f"reproduced-{TABLE}" else None
    )
    return made


@pytest.mark.usefixtures("record")
def test_cells_are_those_of_the_raw_runs() -> None:
    found = reproduced.found_of(read_published(TABLE))
    assert found.how == "openvino on a laptop, from then to later"
    small, reference, large = (found.cells[row, "latency"] for row in range(3))
    assert small.ratio == pytest.approx(0.5, rel=0.05)
    assert reference.ratio == 1.0
    assert (large.value, large.why) == (None, "the memory was full")


@pytest.mark.usefixtures("record")
def test_a_ratio_is_held_against_the_published_one() -> None:
    found = reproduced.found_of(read_published(TABLE))
    said = reproduced.agreements(found)["latency"]
    low, _, high = said.split()[:3]
    assert float(low) == float(high) == pytest.approx(0.5 / (22 / 29), rel=0.05)


@pytest.mark.usefixtures("record")
def test_a_table_without_a_record_says_so() -> None:
    found = reproduced.found_of(read_published("yolov2-voc07"))
    assert found.how == "not measured yet"
    assert all(cell.value is None and cell.why for cell in found.cells.values())


def _rows(page: str) -> list[list[str]]:
    """The cells of all tables."""
    lines = (line for line in page.splitlines() if line.startswith("| "))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
