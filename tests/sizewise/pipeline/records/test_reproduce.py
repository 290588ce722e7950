"""Published tables whose cells are counted, and what is never taken for a finding."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from sizewise.pipeline.records.reproduce import ReproduceOptions, reproduce

OPTIONS = ReproduceOptions(backend="onnxruntime")


def test_the_guides_errors_stand_beside_what_is_right(tmp_path: Path) -> None:
    grids = reproduce("training-grids", OPTIONS, out=tmp_path)
    assert [grids.cells[row, "predictions"].value for row in range(3)] == [2100, 8400, 16464]
    ranges = reproduce("training-ranges", OPTIONS, out=tmp_path)
    assert [ranges.cells[row, "sizes"].value for row in range(5)] == [10, 10, 19, 19, 11]


def test_what_a_row_is_defined_by_is_no_finding(tmp_path: Path) -> None:
    found = reproduce("training-ranges", OPTIONS, out=tmp_path)
    assert all(found.cells[row, "least"].value is None for row in range(5))
    assert found.correlation("least") is None


@pytest.mark.parametrize("column", ["memory", "parameters"])
def test_parts_of_a_network_are_not_given_the_figure_of_the_whole(
    tmp_path: Path, column: str
) -> None:
    found = reproduce(f"processor-{column}", OPTIONS, out=tmp_path)
    cells = [found.cells[row, column] for row in range(len(found.table.rows))]
    assert all(cell.value is None and "part" in cell.why for cell in cells)
    assert not (tmp_path / "models").exists()


def test_accuracies_want_a_checkpoint_and_say_so(tmp_path: Path) -> None:
    found = reproduce("yolo9000", OPTIONS, out=tmp_path)
    (why,) = {cell.why for cell in found.cells.values()}
    assert why == "it takes a trained network: --trained CHECKPOINT"
    assert why in (tmp_path / "table.md").read_text(encoding="utf-8")
