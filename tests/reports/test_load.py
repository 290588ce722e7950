from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.journal.store import Store
from reports.load import read_records, select_records
from sizewise.core.errors import InputError, RecordError
from sizewise.core.stats import summarize

if TYPE_CHECKING:
    from tests.reports.conftest import Lab


def test_every_figure_is_the_one_of_stats(lab: Lab) -> None:
    results = lab.sweep()
    frame = select_records([lab.run(results)], "x").frame
    for (_, row), result in zip(frame.iterrows(), results, strict=True):
        summary = summarize(result)
        assert row["median_ms"] == summary.latency_ms
        assert (row["low_ms"], row["high_ms"]) == (summary.low_ms, summary.high_ms)
        assert row["images_per_s"] == summary.images_per_s
        assert result.accuracy is not None
        assert row["ap"] == result.accuracy.ap
        assert row["size"] == str(result.trial.cell.size)


def test_a_row_that_is_not_ok_has_no_figure(lab: Lab) -> None:
    good = lab.trial("openvino")
    bad = lab.trial("onnxruntime")
    frame = select_records([lab.run([lab.ok(good), lab.bad(bad, "invalid")])], "x").frame
    assert frame["status"].tolist() == ["ok", "invalid"]
    assert math.isnan(frame["median_ms"].iloc[1])
    assert math.isnan(frame["ap"].iloc[1])
    assert math.isnan(frame["peak_mib"].iloc[1])


def test_samples_of_an_invalid_result_are_not_used(lab: Lab) -> None:
    trial = lab.trial()
    result = lab.mend(lab.ok(trial), status="invalid", reason_code="numerics", reason="NaN")
    frame = select_records([lab.run([result])], "x").frame
    assert math.isnan(frame["median_ms"].iloc[0])
    assert math.isnan(frame["ap"].iloc[0])


def test_batches_count_by_image(lab: Lab) -> None:
    frame = select_records([lab.run([lab.ok(lab.trial(batch_size=4))])], "x").frame
    assert frame["image_ms"].iloc[0] == pytest.approx(frame["median_ms"].iloc[0] / 4)


def test_environments_are_never_mixed(lab: Lab, other_lab: Lab) -> None:
    old = other_lab.run(other_lab.sweep(), started="2026-01-01T00:00:00+00:00")
    new = lab.run(lab.sweep(("openvino",)), started="2026-02-01T00:00:00+00:00")
    for runs in ([old, new], [new, old]):
        records = select_records(runs, "x")
        assert records.environment == lab.where
        assert records.results == new.results
        assert records.left_out == (old,)


def test_a_newer_run_without_results_hides_nothing(lab: Lab, other_lab: Lab) -> None:
    full = lab.run(lab.sweep(), started="2026-01-01")
    killed = other_lab.run([], started="2026-02-01")
    assert select_records([full, killed], "x").results == full.results


def test_a_resumed_sweep_is_one_table(lab: Lab) -> None:
    results = lab.sweep()
    runs = [lab.run(results[:3], started="1"), lab.run(results[3:], started="2")]
    assert select_records(runs, "x").results == results


def test_nothing_to_report_is_a_sentence(lab: Lab) -> None:
    with pytest.raises(RecordError, match=r"nothing to report in here\.sqlite"):
        select_records([lab.run([])], "here.sqlite")


def test_a_file_is_read_through_the_store(lab: Lab, tmp_path: Path) -> None:
    run = lab.run(lab.sweep())
    path = lab.file(tmp_path / "results.sqlite", run)
    records = read_records(path)
    assert records.runs[0].command == run.command
    assert records.frame.equals(select_records([run], "x").frame)


def test_files_that_are_no_records(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_records(tmp_path / "missing.sqlite")
    junk = tmp_path / "junk.sqlite"
    junk.write_bytes(b"not a database" * 100)
    with pytest.raises(RecordError):
        read_records(junk)
    with Store.open(tmp_path / "empty.sqlite"):
        pass
    with pytest.raises(RecordError, match="nothing to report"):
        read_records(tmp_path / "empty.sqlite")
