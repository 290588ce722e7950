"""Other tools read what was measured."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from pytest_benchmark.stats import Stats

from reports.formats import FORMATS
from reports.load import Records, select_records, to_frame

if TYPE_CHECKING:
    from tests.reports.conftest import Lab


@pytest.fixture
def records(lab: Lab) -> Records:
    results = [*lab.sweep(), lab.bad(lab.trial("torch_eager"))]
    return select_records([lab.run(results)], "x")


@pytest.mark.parametrize("name", ["parquet", "csv"])
def test_a_table_comes_back_as_it_was(records: Records, name: str, tmp_path: Path) -> None:
    path = tmp_path / f"out.{name}"
    FORMATS[name](records, path)
    found = pd.read_parquet(path) if name == "parquet" else pd.read_csv(path, keep_default_na=True)
    wanted = to_frame(records.rows)
    assert list(found.columns) == list(wanted.columns)
    assert found["latency_ms"].tolist() == pytest.approx(wanted["latency_ms"].tolist(), nan_ok=True)
    assert found["engine"].tolist() == wanted["engine"].tolist()


def test_statistics_are_those_of_pytest_benchmark(records: Records, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    FORMATS["pytest_benchmark"](records, path)
    document = json.loads(path.read_text())
    assert len(document["benchmarks"]) == sum(row.measured for row in records.rows)
    for benchmark in document["benchmarks"]:
        theirs: Any = Stats()  # type: ignore[no-untyped-call]
        for call in benchmark["stats"]["data"]:
            theirs.update(call)
        for name in ("min", "max", "mean", "stddev", "rounds", "median", "ops", "total"):
            assert benchmark["stats"][name] == pytest.approx(getattr(theirs, name))
        assert benchmark["stats"]["iqr"] == pytest.approx(theirs.iqr, rel=0.1)
    first = document["benchmarks"][0]
    assert statistics.median(first["stats"]["data"]) == pytest.approx(
        records.rows[0].latency_ms / 1000, rel=0.02
    )


def test_pytest_benchmark_compares_it(records: Records, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    FORMATS["pytest_benchmark"](records, path)
    program = shutil.which("pytest-benchmark", path=str(Path(sys.executable).parent))
    assert program is not None
    done = subprocess.run(
        [program, "compare", str(path)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "openvino static at 128×128" in done.stdout
