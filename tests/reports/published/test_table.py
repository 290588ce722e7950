"""Published tables: each is complete, and has the errors that were published."""

from __future__ import annotations

import pytest

from netzoo.fusions._registry import fusions
from netzoo.zoo.network import networks
from reports.published.table import PublishedTable, published_tables, read_published
from sizewise.core.errors import UsageError

TABLES = published_tables()


def values(table: PublishedTable, column: str) -> list[float | str]:
    return [row.values[column] for row in table.rows if column in row.values]


def test_all_tables_of_the_papers_and_guides_are_there() -> None:
    assert (
        "architectures",
        *("processor-ablation", "processor-complexity", "processor-inference-time"),
        *("processor-integration", "processor-memory", "processor-parameters"),
        "processor-scale-weights",
        "scaled-yolov4",
        *("training-gains-by-factor", "training-gains-by-version"),
        *("training-grids", "training-ranges"),
        *("yolo9000", "yolov2-voc07", "yolov3-coco", "yolov4-rtx2080ti"),
    ) == TABLES


@pytest.mark.parametrize("name", TABLES)
def test_a_table_says_what_was_measured_and_where_it_was_published(name: str) -> None:
    table = read_published(name)
    assert table.title
    assert table.source
    assert table.device
    assert all(row.values for row in table.rows)
    assert {key for row in table.rows for key in row.values} == set(table.columns)
    told = [
        (row.network, row.fusion, row.size, row.batch, row.precision, row.runtime, row.label)
        for row in table.rows
    ]
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("name", TABLES)
def test_networks_and_fusions_are_of_the_zoo(name: str) -> None:
    for row in read_published(name).rows:
        assert not row.network or row.network in networks()
        assert not row.fusion or row.fusion in fusions() or row.fusion == "single"
        assert row.network or row.label or row.size


def test_the_reference_is_a_row_with_a_value_in_every_column() -> None:
    for name in TABLES:
        table = read_published(name)
        if name != "training-gains-by-version":  # it has gains of three and the AP of one
            assert set(table.rows[table.reference].values) == set(table.columns)


def test_errors_of_the_guides_stay_in_their_tables() -> None:
    """They are shown beside what is right."""
    grids = read_published("training-grids")
    assert values(grids, "predictions") == [2400, 8400, 16464]
    assert values(read_published("training-ranges"), "sizes") == [9, 9, 19, 19, 11]


def test_a_table_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError) as found:
        read_published("yolov9")
    assert "yolov2-voc07" in found.value.why
