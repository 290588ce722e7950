from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reports.analysis.builds import build_totals
from reports.analysis.pairs import find_pairs
from reports.load import Records, select_records
from reports.markdown import compose
from reports.tables import by_size as tables
from reports.tables import lists
from reports.text.words import times
from sizewise.core.specs import Size
from sizewise.core.stats import summarize
from sizewise.core.trials import RECORDED_METRICS, Accuracy, Build, Result

if TYPE_CHECKING:
    from tests.reports.conftest import Lab


AP, AP50, MIOU, F_MEASURE, MAE = RECORDED_METRICS


def read(lab: Lab, *results: Result) -> Records:
    return select_records([lab.run(results)], "x")


def cells(table: str) -> dict[tuple[str, str], str]:
    """(row's name, header) → text, of all pages of a table."""
    found: dict[tuple[str, str], str] = {}
    for page in table.split("\n\n"):
        header, _, *rows = ([c.strip() for c in line.split("|")[1:-1]] for line in page.split("\n"))
        found |= {(r[0], h): c for r in rows for h, c in zip(header[1:], r[1:], strict=True)}
    return found


def test_latencies_are_the_medians_and_the_fastest_is_bold(lab: Lab) -> None:
    results = lab.sweep()
    shown = cells(tables.latency_table(read(lab, *results).rows))
    assert len(shown) == len(results)
    for result in results:
        cell, summary = result.trial.cell, summarize(result)
        text = shown[f"{cell.backend} {cell.strategy}", times(cell.size)]
        figures = [float(n) for n in re.findall(r"[\d.]+", text)]
        wanted = (summary.latency_ms, summary.low_ms, summary.high_ms)
        assert figures == pytest.approx(wanted, rel=1e-3)
        rivals = [summarize(r).latency_ms for r in results if r.trial.cell.size == cell.size]
        assert text.startswith("**") == (summary.latency_ms == min(rivals))


def test_many_sizes_go_into_several_tables(lab: Lab) -> None:
    sizes = [Size(side, side) for side in range(64, 64 * 15, 64)]
    rows = read(lab, *lab.sweep(("openvino",), ("static",), sizes)).rows
    pages = tables.latency_table(rows).split("\n\n")
    assert [page.split("\n")[0].count("|") - 2 for page in pages] == [6, 6, 2]
    assert [size for _, size in cells("\n\n".join(pages))] == [times(size) for size in sizes]


def test_rows_without_a_figure_say_why(lab: Lab) -> None:
    reason = "There is | no\nkernel in /home/me/x. Use another."
    refused = [lab.bad(lab.trial(size=Size(s, s)), "unsupported", reason) for s in (128, 192)]
    rows = read(lab, *refused, lab.ok(lab.trial("onnxruntime"))).rows
    shown = cells(tables.latency_table(rows))
    assert shown["openvino static", "128×128"] == "unsupported"
    assert shown["onnxruntime static", "192×192"] == "–"
    assert lists.refusal_table(rows).splitlines()[2:] == [
        "| openvino static | 128×128 and 192×192 | unsupported | unsupported_size "
        "| There is \\| no kernel in x. Use another. |"
    ]


def test_an_unreliable_row_carries_its_mark_and_stands_in_its_table(lab: Lab) -> None:
    hasty = replace(lab, processes=1)
    rows = read(hasty, hasty.ok(hasty.trial())).rows
    assert cells(tables.latency_table(rows))["openvino static", "128×128"].endswith("†")
    assert "measured in 1 process, at least 3 needed" in lists.warning_table(rows)
    assert lists.warning_table(read(lab, lab.ok(lab.trial())).rows) == ""


def test_accuracy_is_shown_where_it_is_known(lab: Lab) -> None:
    rows = read(lab, lab.ok(lab.trial(), ap=0.4321), lab.ok(lab.trial("onnxruntime"), ap=0.2)).rows
    shown = cells(tables.accuracy_table(rows, AP))
    assert shown["openvino static", "128×128"] == "**0.432**"
    assert shown["onnxruntime static", "128×128"] == "0.200"
    assert tables.accuracy_table(rows, MIOU) == ""


def test_of_errors_the_lowest_is_the_best(lab: Lab) -> None:
    scores = {"openvino": (0.7, 0.04), "onnxruntime": (0.6, 0.031)}
    results = [
        replace(
            lab.ok(lab.trial(backend)),
            accuracy=Accuracy(images=9, data_sha256="d" * 64, f_measure=f_measure, mae=mae),
        )
        for backend, (f_measure, mae) in scores.items()
    ]
    rows = read(lab, *results).rows
    errors = cells(tables.accuracy_table(rows, MAE))
    assert errors["onnxruntime static", "128×128"] == "**0.031**"
    assert errors["openvino static", "128×128"] == "0.040"
    assert tables.accuracy_table(rows, MAE).startswith("| MAE (0–1), H×W")
    measures = cells(tables.accuracy_table(rows, F_MEASURE))
    assert measures["openvino static", "128×128"] == "**0.700**"


def test_memory_is_the_peak_and_what_the_engine_added(lab: Lab) -> None:
    result = lab.ok(lab.trial())
    assert result.memory is not None
    memory = replace(result.memory, peak_bytes=150 * 2**20, before_bytes=110 * 2**20)
    rows = read(lab, replace(result, memory=memory)).rows
    assert cells(tables.memory_table(rows))["openvino static", "128×128"] == "150 (+40)"


def test_gpu_memory_stands_beside_what_the_engine_predicted(lab: Lab) -> None:
    def on_device(backend: str, used: int | None, predicted: int | None) -> Result:
        result = lab.ok(lab.trial(backend))
        assert result.memory is not None
        assert result.build is not None
        before = None if used is None else 30 * 2**20
        memory = replace(result.memory, device_bytes=used, device_before_bytes=before)
        build = replace(result.build, device_predicted_bytes=predicted)
        return replace(result, memory=memory, build=build)

    both = on_device("openvino", 530 * 2**20, 123 * 2**20)
    rows = read(
        lab,
        both,
        on_device("onnxruntime", None, 45 * 2**20),
        on_device("torch_eager", 31 * 2**20, None),
        lab.ok(lab.trial("torch_compile")),
    ).rows
    shown = {name: text for (name, _), text in cells(tables.gpu_memory_table(rows)).items()}
    assert shown == {
        "openvino static": "500 (123)",
        "onnxruntime static": "– (45.0)",
        "torch_eager static": "1.00 (–)",
    }
    assert "predicted" not in compose(read(lab, lab.ok(lab.trial())), ("a.",), {})
    assert "GPU memory came with" in compose(read(lab, both), ("a.",), {})


def test_one_dynamic_engine_is_counted_once(lab: Lab) -> None:
    def built(result: Result) -> Result:
        return replace(
            result, build=Build(build_s=2.0, size_bytes=2**20, achieved="bf16 3, fp32 1")
        )

    rows = read(lab, *map(built, lab.sweep(("openvino",)))).rows
    totals = build_totals(rows)
    assert [(t.engine, t.engines, t.build_s, t.file_mib) for t in totals] == [
        ("openvino static", 4, 8, 4),
        ("openvino dynamic", 1, 2, 1),
    ]
    assert cells(lists.build_table(rows))["openvino static", "precision achieved"] == (
        "bf16 3, fp32 1"
    )


def test_a_significant_ratio_is_bold(lab: Lab) -> None:
    pairs = find_pairs(read(lab, *lab.sweep()).rows)
    shown = cells(tables.ratio_table(pairs))
    for pair in pairs:
        text = shown[pair.row.engine, pair.row.text("size")]
        assert text.startswith("**") == (pair.ratio.verdict == "slower")
        assert f"{pair.ratio.ratio:.3f} (" in text
    assert cells(lists.mean_table(pairs))["openvino dynamic", "sizes"] == "4 of 4"
    assert tables.ratio_table([]) == lists.mean_table([]) == ""
