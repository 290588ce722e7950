"""Modes of one network side by side: table, sentence, picture."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reports.analysis.fusions import compare_modes
from reports.findings.find import find
from reports.findings.fusion_cost import what_fusion_costs
from reports.load import Records, select_records
from reports.markdown import write_report
from reports.plots.fusion import fusion_figure
from reports.tables.fusion import fusion_table
from sizewise.core.specs import Size
from sizewise.core.stats import contrast, summarize
from sizewise.core.trials import Accuracy, Memory, Result
from tests.reports.scripted import masked, slower
from tests.reports.test_tables import cells

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

SMALL, LARGE = Size(256, 256), Size(352, 352)
SCORES = {"single": 0.60, "concat": 0.66, "average": 0.65, "absi": 0.69}
PARAMETERS = {"single": 800_000, "concat": 1_100_000, "average": 800_000, "absi": 1_500_000}
SHA = {fusion: str(number) * 64 for number, fusion in enumerate(SCORES)}
BACKENDS = ("onnxruntime", "openvino")


def mode(
    lab: Lab, fusion: str, miou: float | None = None, size: Size = LARGE, **trial: Any
) -> Result:
    """An engine; a better one is slower and takes more memory."""
    miou = SCORES[fusion] if miou is None else miou
    asked: dict[str, Any] = {"network": "multiscale", "model_sha256": SHA[fusion]} | trial
    result = lab.ok(lab.trial(size=size, fusion=fusion, **asked))
    factor = 1 + 10 * (miou - 0.6)
    blocks = tuple(
        replace(block, latency_ns=tuple(round(ns * factor) for ns in block.latency_ns))
        for block in result.blocks
    )
    scores = Accuracy(images=9, data_sha256="d" * 64, miou=miou, f_measure=miou + 0.1, mae=1 - miou)
    memory = Memory(peak_bytes=int(200e6 * factor), before_bytes=int(90e6))
    return replace(result, accuracy=scores, memory=(memory,), blocks=blocks)


def modes(lab: Lab, backends: Iterable[str] = BACKENDS, **trial: Any) -> list[Result]:
    return [mode(lab, fusion, backend=b, **trial) for fusion in SCORES for b in backends]


def configuration() -> str:
    models = [{"path": f"{f}.onnx", "sha256": SHA[f], "parameters": PARAMETERS[f]} for f in SCORES]
    return json.dumps({"models": models})


def read(lab: Lab, *results: Result) -> Records:
    return select_records([lab.run(results, configuration=configuration())], "x")


def table(records: Records) -> dict[tuple[str, str], str]:
    (comparison,) = compare_modes(records.rows)
    return cells(fusion_table(comparison, records.verdicts))


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"[\d.]+", text)]


def test_the_table_has_the_guides_columns_for_each_mode(lab: Lab) -> None:
    records = read(lab, *modes(lab, ["openvino"]))
    shown = table(records)
    assert [row for row, _ in shown][:: len(shown) // 4] == list(SCORES)
    assert shown["absi", "mIoU"] == "**0.690**"
    assert shown["single", "mIoU"] == "0.600"
    assert shown["absi", "MAE"] == "**0.310**"
    assert shown["absi", "F-measure"] == "**0.790**"
    assert [shown[f, "parameters"] for f in ("single", "absi")] == ["800,000", "1,500,000"]
    assert shown["single", "peak memory (MiB)"] == "**191**"


def test_latencies_are_those_of_stats_and_ratios_are_paired(lab: Lab) -> None:
    results = modes(lab, ["openvino"])
    by_fusion = {result.trial.cell.fusion: result for result in results}
    shown = table(read(lab, *results))
    for fusion, result in by_fusion.items():
        summary = summarize(result)
        latency = numbers(shown[fusion, "openvino static (ms)"])
        wanted = (summary.latency_ms.point, summary.latency_ms.low, summary.latency_ms.high)
        assert latency == pytest.approx(wanted, rel=1e-3)
        ratio = contrast(result, by_fusion["average"], results)
        given = numbers(shown[fusion, "÷ average"])
        expected = (ratio.ratio, ratio.low, ratio.high)
        assert given == ([1] if fusion == "average" else pytest.approx(expected, abs=1e-3))
    assert shown["single", "openvino static (ms)"].startswith("**")


def test_without_average_the_first_mode_is_the_reference(lab: Lab) -> None:
    results = [r for r in modes(lab, ["openvino"]) if r.trial.cell.fusion != "average"]
    assert table(read(lab, *results))["single", "÷ single"] == "1"


def test_engines_stand_side_by_side_and_more_than_two_below(lab: Lab) -> None:
    rows = modes(lab) + modes(lab, strategy="dynamic")
    records = read(lab, *rows)
    (comparison,) = compare_modes(records.rows)
    first, second = fusion_table(comparison, records.verdicts).split("\n\n")
    assert first.count("(ms)") == second.count("(ms)") == 2
    assert ("mIoU" in first, "mIoU" in second) == (True, False)


def test_there_is_one_table_for_each_size(lab: Lab) -> None:
    records = read(lab, *modes(lab, size=LARGE), *modes(lab, size=SMALL))
    assert [str(c.size) for c in compare_modes(records.rows)] == ["256x256", "352x352"]


def test_accuracy_is_a_range_where_engines_differ(lab: Lab) -> None:
    rows = [mode(lab, "average"), mode(lab, "average", 0.671, backend="onnxruntime")]
    assert table(read(lab, *rows, mode(lab, "absi")))["average", "mIoU"] == "0.650–0.671"


def test_what_is_missing_is_said_or_dashed(lab: Lab) -> None:
    refused = lab.bad(lab.trial("openvino", network="multiscale", fusion="absi", size=LARGE))
    rows = [mode(lab, "average"), refused, mode(lab, "single", backend="onnxruntime")]
    shown = table(read(lab, *rows))
    assert shown["absi", "openvino static (ms)"] == "failed"
    assert shown["absi", "mIoU"] == shown["single", "openvino static (ms)"] == "–"
    assert shown["absi", "parameters"] == "–"
    assert shown["single", "÷ average"] == "–"


def test_a_disturbed_mode_carries_its_mark(lab: Lab) -> None:
    hasty = replace(lab, processes=1)
    shown = table(read(hasty, *modes(hasty, ["openvino"])))
    assert all(shown[fusion, "openvino static (ms)"].endswith("†") for fusion in SCORES)
    assert shown["absi", "÷ average"].endswith(" one process")
    results = [disturbed(result) for result in modes(lab, ["openvino"])]
    shown = table(read(lab, *results))
    assert shown["absi", "÷ average"].startswith("**")
    assert shown["absi", "÷ average"].endswith("** †")


def disturbed(result: Result) -> Result:
    blocks = (replace(block, disturbed=("load",)) for block in result.blocks)
    return replace(result, blocks=tuple(blocks))


def test_trainings_of_one_mode_have_a_row_each(lab: Lab) -> None:
    twins = [mode(lab, "absi", model_sha256=sha * 64) for sha in "xy"]
    shown = table(read(lab, mode(lab, "average"), *twins))
    rows = {row for row, _ in shown}
    assert rows == {"average model 22222222", "absi model xxxxxxxx", "absi model yyyyyyyy"}


def test_a_file_that_tells_no_parameters_has_no_column_of_them(lab: Lab) -> None:
    records = select_records([lab.run(modes(lab))], "x")
    assert all(math.isnan(row.parameters) for row in records.rows)
    assert "parameters" not in {column for _, column in table(records)}


def test_one_mode_of_each_network_is_nothing_to_compare(lab: Lab) -> None:
    records = read(lab, mode(lab, "average"), lab.ok(lab.trial()))
    assert compare_modes(records.rows) == ()
    assert fusion_figure(()) is None
    assert what_fusion_costs(records.verdicts) == ""
    assert len(find(records)) == 2


def test_the_sentence_says_what_the_best_mode_gains_and_costs(lab: Lab) -> None:
    results = modes(lab)
    sentence = what_fusion_costs(read(lab, *modes(lab, size=SMALL), *results).verdicts)
    assert sentence.startswith(
        "Most accurate of 4 fusion modes at 352×352, as trained here: absi, mIoU 0.690, 4.0 points "
        "above average (0.650). Another training may give another order. Its latency compared with "
        "average: "
    )
    by_cell = {(r.trial.cell.fusion, r.trial.cell.backend): r for r in results}
    for backend in BACKENDS:
        ratio = contrast(by_cell["absi", backend], by_cell["average", backend], results)
        ends = f"{ratio.low:.2f}–{ratio.high:.2f}"
        assert f"{ratio.ratio:.2f}× (95 % CI {ends}) in {backend} static" in sentence
    assert sentence.endswith(" in openvino static.")


def test_where_average_is_best_one_scale_is_what_it_is_held_against(lab: Lab) -> None:
    rows = [mode(lab, "average", 0.7), mode(lab, "single", 0.62), mode(lab, "concat", 0.65)]
    assert ": average, mIoU 0.700, 8.0 points above single" in what_fusion_costs(
        read(lab, *rows).verdicts
    )
    assert ": average, mIoU 0.700, 5.0 points above concat" in what_fusion_costs(
        read(lab, rows[0], rows[2]).verdicts
    )


def test_small_gains_and_uncertain_costs_are_said_to_be_so(lab: Lab) -> None:
    average = mode(lab, "average", 0.650)
    as_fast = replace(mode(lab, "absi", 0.652), blocks=average.blocks)
    sentence = what_fusion_costs(read(lab, average, as_fast).verdicts)
    assert ": absi, mIoU 0.652, at most half a point above average" in sentence
    assert "1.00× (95 % CI 1.00–1.00) in openvino static (the same within ±2 %)." in sentence
    wild = slower(as_fast, [0.8, 1.3, 1.0, 1.2, 0.9])
    sentence = what_fusion_costs(read(lab, average, wild).verdicts)
    assert sentence.endswith(" in openvino static (not decided).")


def test_a_gain_has_its_interval_over_images(lab: Lab) -> None:
    rng = np.random.default_rng(1)
    shares = rng.uniform(0.5, 0.7, 40)
    average = masked(mode(lab, "average"), shares)
    for spread, told in ((0.001, " points (95 % CI "), (0.3, "which is no certain gain, above")):
        better = masked(mode(lab, "absi"), shares + 0.06 + rng.normal(0, spread, 40))
        records = read(lab, average, better)
        assert told in what_fusion_costs(records.verdicts)
        figure = fusion_figure(compare_modes(records.rows))
        assert figure is not None
        title = figure.axes[0].get_title(loc="left")
        assert ("leads, but not certainly, at" in title) == (spread > 0.1)


def test_without_accuracy_there_is_no_sentence_but_a_table(lab: Lab) -> None:
    records = read(lab, *(replace(result, accuracy=None) for result in modes(lab)))
    assert what_fusion_costs(records.verdicts) == ""
    assert fusion_figure(compare_modes(records.rows)) is None
    assert "mIoU" not in {column for _, column in table(records)}


def test_the_picture_has_a_line_for_each_mode_and_engine(lab: Lab) -> None:
    rows = [*modes(lab, size=SMALL), *modes(lab, size=LARGE), *modes(lab, strategy="dynamic")]
    records = read(lab, *rows)
    figure = fusion_figure(compare_modes(records.rows))
    assert figure is not None
    (axes,) = figure.axes
    curves = [np.array(line.get_xydata()) for line in axes.lines]
    drawn = [curve for curve in curves if len(curve)]  # the legend's own have no points
    assert len(drawn) == len(SCORES) * len(BACKENDS)
    assert axes.get_title(loc="left") == "absi is the most accurate mode at 352×352: mIoU 0.690"
    static = [row for row in records.rows if row.strategy == "static"]
    points = {(x, y) for curve in drawn for x, y in curve.tolist()}
    assert points == {(row.image_ms, row.miou) for row in static}


@pytest.mark.usefixtures("empty_pictures")
def test_the_report_has_the_section_where_there_are_modes(lab: Lab, tmp_path: Path) -> None:
    run = lab.run(modes(lab), configuration=configuration())
    report = write_report(lab.file(tmp_path / "results.sqlite", run), tmp_path / "report")
    text = report.path.read_text(encoding="utf-8")
    assert "## Fusion modes\n\n![absi is the most" in text
    assert (tmp_path / "report" / "fusions.png").is_file()
    assert any(finding.startswith("Most accurate of 4 fusion modes") for finding in report.findings)
