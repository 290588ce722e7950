from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from bench.journal.store import Store
from reports.columns import COLUMNS
from reports.load import Records, load, read_records, select_records, to_frame
from reports.rows.configured import protocols_of
from reports.rows.costs import MIB
from sizewise.core.errors import InputError, RecordError
from sizewise.core.stats import RIGORS, summarize
from sizewise.core.trials import Build, Memory, Result

if TYPE_CHECKING:
    from tests.reports.conftest import Lab


def results_of(records: Records) -> tuple[Result, ...]:
    return tuple(row.result for row in records.rows)


def test_every_figure_is_the_one_of_stats(lab: Lab) -> None:
    results = lab.sweep()
    rows = select_records([lab.run(results)], "x").rows
    for row, result in zip(rows, results, strict=True):
        summary = summarize(result)
        assert row.result == result
        latency, rate = summary.latency_ms, summary.images_per_s
        assert row.latency_ms == latency.point
        assert (row.latency_low_ms, row.latency_high_ms) == (latency.low, latency.high)
        assert row.latency_width == summary.width
        assert (row.images_low_per_s, row.images_per_s) == (rate.low, rate.point)
        assert row.image_ms == latency.point
        assert row.calls + row.cold_calls == sum(len(b.latency_ns) for b in result.blocks)
        assert result.accuracy is not None
        assert row.ap == result.accuracy.ap
        assert row.size == result.trial.cell.size


def test_a_row_that_is_not_ok_has_no_figure(lab: Lab) -> None:
    good = lab.trial("openvino")
    bad = lab.trial("onnxruntime")
    _, row = select_records([lab.run([lab.ok(good), lab.bad(bad, "invalid")])], "x").rows
    assert row.status == "invalid"
    assert not row.measured
    assert math.isnan(row.ap)
    assert math.isnan(row.peak_mib)


def test_tails_are_there_from_as_many_calls_as_they_need(lab: Lab) -> None:
    rounds = {"few": 2, "some": 4, "many": 40}
    made = [replace(lab, rounds=count, seed=n) for n, count in enumerate(rounds.values())]
    results = [one.ok(one.trial(replica=n)) for n, one in enumerate(made)]
    few, some, many = select_records([lab.run(results)], "x").rows
    assert [row.calls for row in (few, some, many)] == [50, 100, 1000]
    assert math.isnan(few.latency_p90_ms)
    assert some.latency_ms < some.latency_p90_ms <= some.latency_p90_high_ms
    assert math.isnan(some.latency_p99_ms)
    assert many.latency_p90_ms < many.latency_p99_ms <= many.latency_p99_high_ms


def test_memory_and_builds_are_medians(lab: Lab) -> None:
    memory = [
        Memory(
            peak_bytes=n * MIB,
            before_bytes=5 * MIB,
            run_peak_bytes=(n + extra) * MIB,
            rest_bytes=n * MIB,
            walk_bytes=2 * n * MIB,
        )
        for n, extra in ((10, -2), (20, 4), (90, 1))
    ]
    builds = [
        Build(build_s=s, size_bytes=MIB, achieved=a, peak_bytes=round(s * MIB))
        for s, a in ((1.0, "fp32"), (8.0, "fp32"), (2.0, "fp32 1, fp16 2"))
    ]
    result = lab.mend(lab.ok(lab.trial()), memory=tuple(memory), builds=tuple(builds))
    (row,) = select_records([lab.run([result])], "x").rows
    assert (row.open_peak_mib, row.run_peak_mib, row.rest_mib, row.walk_mib) == (20, 24, 20, 40)
    assert (row.peak_mib, row.engine_memory_mib) == (24, 19)
    assert (row.build_s, row.builds, row.build_peak_mib, row.file_mib) == (2, 3, 2, 1)
    assert row.achieved == "fp32; fp32 1, fp16 2"


def test_samples_of_an_invalid_result_are_not_used(lab: Lab) -> None:
    trial = lab.trial()
    result = lab.mend(lab.ok(trial), status="invalid", reason_code="numerics", reason="NaN")
    (row,) = select_records([lab.run([result])], "x").rows
    assert math.isnan(row.latency_ms)
    assert math.isnan(row.ap)


def test_batches_count_by_image(lab: Lab) -> None:
    (row,) = select_records([lab.run([lab.ok(lab.trial(batch_size=4))])], "x").rows
    assert row.image_ms == pytest.approx(row.latency_ms / 4)


def test_environments_are_never_mixed(lab: Lab, other_lab: Lab) -> None:
    old = other_lab.run(other_lab.sweep(), started="2026-01-01T00:00:00+00:00")
    new = lab.run(lab.sweep(("openvino",)), started="2026-02-01T00:00:00+00:00")
    for runs in ([old, new], [new, old]):
        records = select_records(runs, "x")
        assert records.environment == lab.where
        assert results_of(records) == new.results
        assert records.left_out == (old,)


def test_an_older_record_of_this_machine_is_read_beside_the_new_ones(
    lab: Lab, other_lab: Lab
) -> None:
    def before(now: Lab) -> Lab:
        where = replace(now.where, cpu_model="", physical_cores=0, boot="", microcode="")
        return replace(now, where=where, harness=1)

    runs = [
        before(one).run(before(one).sweep(("openvino",)), started="2026-01-01", configuration="{}")
        for one in (lab, other_lab)
    ]
    records = select_records([*runs, lab.run(lab.sweep(("openvino",)))], "x")
    assert [row.harness for row in records.rows] == ["earlier"] * 8 + [""] * 8
    assert records.left_out == (runs[1],)
    assert select_records(runs[:1], "x").rows[0].harness == "earlier"


def test_a_run_that_added_waves_to_trials_of_another_counts(lab: Lab) -> None:
    first = lab.run(lab.sweep(), started="1", configuration=configuration("quick"))
    later = lab.run([], started="2", configuration=configuration("paper"), command="sizewise bench")
    records = select_records([first, later], "x")
    assert records.runs == (first, later)
    assert records.verdicts.rigor == RIGORS["paper"]
    assert select_records([first], "x").verdicts.rigor == RIGORS["quick"]
    old = lab.run(lab.sweep(), configuration="{}")
    assert select_records([old], "x").verdicts.rigor == RIGORS["standard"]


def test_the_rigor_of_a_table_counts(lab: Lab) -> None:
    text = json.dumps({"settings": {"rigor": "quick", "sweep": [{}, {"rigor": "standard"}]}})
    run = lab.run(lab.sweep(), configuration=text)
    assert select_records([run], "x").verdicts.rigor == RIGORS["standard"]
    assert [protocol.rigor for protocol in protocols_of(run)] == ["quick", "standard"]
    odd = lab.run(lab.sweep(), configuration='{"settings": {"rigor": "lax"}}')
    assert select_records([odd], "x").verdicts.rigor == RIGORS["standard"]


def configuration(rigor: str) -> str:
    return json.dumps({"settings": {"rigor": rigor}})


def test_a_newer_run_without_results_hides_nothing(lab: Lab, other_lab: Lab) -> None:
    full = lab.run(lab.sweep(), started="2026-01-01")
    killed = other_lab.run([], started="2026-02-01")
    assert results_of(select_records([full, killed], "x")) == full.results


def test_a_resumed_sweep_is_one_table(lab: Lab) -> None:
    results = lab.sweep()
    runs = [lab.run(results[:3], started="1"), lab.run(results[3:], started="2")]
    assert results_of(select_records(runs, "x")) == results


def test_nothing_to_report_is_a_sentence(lab: Lab) -> None:
    with pytest.raises(RecordError, match=r"nothing to report in here\.sqlite"):
        select_records([lab.run([])], "here.sqlite")


def test_a_file_is_read_through_the_store(lab: Lab, tmp_path: Path) -> None:
    run = lab.run(lab.sweep())
    path = lab.file(tmp_path / "results.sqlite", run)
    records = read_records(path)
    assert records.runs[0].command == run.command
    wanted = to_frame(select_records([run], "x").rows)
    pd.testing.assert_frame_equal(load(path), wanted)
    pd.testing.assert_frame_equal(load(str(path), {"a" * 64}), wanted)
    with pytest.raises(RecordError, match="nothing to report"):
        load(path, {"b" * 64})


def test_the_frame_is_plain_and_its_index_means_nothing(lab: Lab) -> None:
    slow = lab.mend(lab.ok(lab.trial("openvino", batch_size=4)), accuracy=None)
    rows = select_records([lab.run([slow, lab.bad(lab.trial("onnxruntime"))])], "x").rows
    frame = to_frame(rows)
    assert isinstance(frame.index, pd.RangeIndex)
    (good, bad) = frame.to_dict("records")
    assert good["latency_ms"] == rows[0].latency_ms
    assert (good["size"], good["height_px"], good["width_px"]) == ("128x128", 128, 128)
    assert (good["reason"], good["disturbances"]) == ("", "")
    assert bad["reason"].startswith("The engine gave no answer")
    assert all(math.isnan(row["ap"]) for row in (good, bad))
    assert math.isnan(bad["latency_ms"])


def test_texts_are_texts_and_figures_are_figures_whatever_is_missing(lab: Lab) -> None:
    full = to_frame(select_records([lab.run(lab.sweep())], "x").rows)
    bare = to_frame(select_records([lab.run([lab.bad(lab.trial())])], "x").rows)
    assert list(full.columns) == list(bare.columns) == list(COLUMNS)
    assert full.dtypes.to_dict() == bare.dtypes.to_dict()
    assert not full.isna().any()[full.columns[full.dtypes.map(pd.api.types.is_string_dtype)]].any()


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
