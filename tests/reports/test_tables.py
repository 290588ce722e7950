from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reports.analysis.builds import build_totals
from reports.analysis.verdicts import Verdicts
from reports.load import Records, select_records
from reports.markdown import compose
from reports.method.describe import method
from reports.rows.costs import MIB
from reports.tables import by_size as tables
from reports.tables import lists, memory, tails
from reports.text.words import times
from sizewise.core.specs import Size, Strategy
from sizewise.core.stats import summarize
from sizewise.core.trials import METRICS, Accuracy, Build, Memory, Result
from tests.reports.scripted import masked, steady

if TYPE_CHECKING:
    from tests.reports.conftest import Lab


AP, AP50, MIOU, F_MEASURE, MAE, *_ = METRICS


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
    shown = cells(tables.latency_table(read(lab, *results).verdicts))
    assert len(shown) == len(results)
    for result in results:
        cell, summary = result.trial.cell, summarize(result)
        text = shown[f"{cell.backend} {cell.strategy}", times(cell.size)]
        figures = [float(n) for n in re.findall(r"[\d.]+", text)]
        latency = summary.latency_ms
        assert figures == pytest.approx((latency.point, latency.low, latency.high), rel=1e-3)
        rivals = [r for r in results if r.trial.cell.size == cell.size]
        fastest = min(summarize(r).latency_ms.point for r in rivals)
        assert text.startswith("**") == (latency.point == fastest)


def test_what_is_not_shown_to_be_slower_is_bold_too_unless_that_is_all(lab: Lab) -> None:
    wild = [1.0, 1.6, 1.3, 1.9, 1.2]
    first, second = lab.ok(lab.trial()), steady(lab.ok(lab.trial("onnxruntime")), wild)
    first = steady(first, 1.3)
    tied = cells(tables.latency_table(read(lab, first, second).verdicts))
    assert not any(text.startswith("**") for text in tied.values())
    slow = lab.ok(lab.trial("torch_eager"))
    shown = cells(tables.latency_table(read(lab, first, second, slow).verdicts))
    assert [text.startswith("**") for text in shown.values()] == [True, True, False]


def _close(lab: Lab, percent: float) -> Records:
    """Two engines of a back end with a difference that is hardly known, and five like the first."""
    noise = np.array([1.0, 1.01, 0.99, 1.02, 0.98])
    first = steady(lab.ok(lab.trial("onnxruntime")), 1.3)
    near = lab.ok(lab.trial("onnxruntime", "dynamic"))
    near = steady(near, 1.3 * noise * (1 + percent / 100))
    others = [steady(lab.ok(lab.trial("openvino", replica=n)), 1.3 / noise) for n in range(5)]
    return read(lab, first, near, *others)


def test_some_rows_are_judged_as_among_all(lab: Lab) -> None:
    """A difference that is certain between two engines alone need not be one among seven."""
    for percent in np.arange(0.5, 6, 0.25):
        records = _close(lab, percent)
        own = [row for row in records.rows if row.backend == "onnxruntime"]
        alone = Verdicts(own, records.verdicts.rigor)
        if alone.of(own[1], own[0]).certain and not records.verdicts.of(own[1], own[0]).certain:
            break
    else:
        pytest.fail("no difference is certain alone only")
    assert "**" in tables.latency_table(alone)
    shown = cells(tables.latency_table(records.verdicts, own))
    assert [engine for engine, _ in shown] == [row.engine for row in own]
    assert not any("**" in text for text in shown.values())


def test_many_sizes_go_into_several_tables(lab: Lab) -> None:
    sizes = [Size(side, side) for side in range(64, 64 * 15, 64)]
    verdicts = read(lab, *lab.sweep(("openvino",), ("static",), sizes)).verdicts
    pages = tables.latency_table(verdicts).split("\n\n")
    assert [page.split("\n")[0].count("|") - 2 for page in pages] == [6, 6, 2]
    assert [size for _, size in cells("\n\n".join(pages))] == [times(size) for size in sizes]


def test_rows_without_a_figure_say_why(lab: Lab) -> None:
    reason = "There is | no\nkernel in /home/me/x. Use another."
    refused = [lab.bad(lab.trial(size=Size(s, s)), "unsupported", reason) for s in (128, 192)]
    records = read(lab, *refused, lab.ok(lab.trial("onnxruntime")))
    shown = cells(tables.latency_table(records.verdicts))
    assert shown["openvino static", "128×128"] == "unsupported"
    assert shown["onnxruntime static", "192×192"] == "–"
    assert lists.refusal_table(records.rows).splitlines()[2:] == [
        "| openvino static | 128×128 and 192×192 | unsupported | unsupported_size "
        "| There is \\| no kernel in x. Use another. |"
    ]


def test_a_disturbed_row_carries_its_mark_and_stands_in_its_table(lab: Lab) -> None:
    hasty = replace(lab, processes=1)
    records = read(hasty, hasty.ok(hasty.trial(), disturbed=("throttled",)))
    shown = cells(tables.latency_table(records.verdicts))
    assert shown["openvino static", "128×128"].endswith("†")
    told = lists.disturbed_table(records.rows)
    assert "measured in 1 process, at least 3 needed" in told
    assert "Use fewer threads" in told
    assert "## What is unreliable" in compose(records, ("a.",), {})
    quiet = read(lab, lab.ok(lab.trial()))
    assert lists.disturbed_table(quiet.rows) == ""
    assert "see “Disturbed rows”" not in compose(quiet, ("a.",), {})


def test_a_wide_interval_is_printed_and_not_marked(lab: Lab) -> None:
    wild = replace(lab, noise=0.4)
    records = read(wild, wild.ok(wild.trial()))
    shown = cells(tables.latency_table(records.verdicts))
    assert not shown["openvino static", "128×128"].endswith("†")
    width = cells(tails.tail_table(records.rows))["openvino static", "half-width"]
    (row,) = records.rows
    assert width == f"±{100 * row.latency_width:.0f} %"


@pytest.mark.parametrize(
    ("loud", "marked", "processes"), [(0, False, "5"), (2, False, "3 (2 left out)"), (3, True, "5")]
)
def test_processes_that_stand_in_no_figure_are_counted(
    lab: Lab, loud: int, marked: bool, processes: str
) -> None:
    one = lab.ok(lab.trial())
    waves = sorted({block.wave for block in one.blocks})[:loud]
    blocks = (
        replace(block, disturbed=("load",) if block.wave in waves else ()) for block in one.blocks
    )
    records = read(lab, replace(one, blocks=tuple(blocks)))
    (row,) = records.rows
    assert row.disturbed is marked
    assert cells(tails.tail_table(records.rows))["openvino static", "processes"] == processes
    told = "So warm calls of 2 of 5 processes stand in no figure, in 1 of 1 row."
    left_out = bool(row.left_out)
    assert (told in method(records)) is left_out
    assert ("Left out: disturbed processes" in tails.note(records.rows)) is left_out


def test_a_tail_that_was_not_measured_is_a_dash_with_a_reason(lab: Lab) -> None:
    rows = read(lab, lab.ok(lab.trial())).rows
    shown = cells(tails.tail_table(rows))
    assert shown["openvino static", "p99 (ms)"] == "–"
    assert " (1.3" in shown["openvino static", "p90 (ms)"]
    assert "a p99 662" in tails.note(rows)
    many = replace(lab, rounds=27)
    assert "–" not in tails.note(read(many, many.ok(many.trial())).rows)


def test_an_accuracy_that_failed_leaves_the_latency_and_its_reason(lab: Lab) -> None:
    reason = "The data in /home/me/coco changed."
    lost = replace(lab.ok(lab.trial()), accuracy=None, accuracy_reason=reason)
    records = read(lab, lost)
    assert records.rows[0].measured
    told = lists.unscored_table(records.rows)
    assert "| openvino static | 128×128 " in told
    assert "The data in coco changed." in told


def test_accuracy_is_shown_where_it_is_known(lab: Lab) -> None:
    rows = read(lab, lab.ok(lab.trial(), ap=0.4321), lab.ok(lab.trial("onnxruntime"), ap=0.2)).rows
    shown = cells(tables.accuracy_table(rows, AP))
    assert shown["openvino static", "128×128"] == "**0.432**"
    alone = read(lab, lab.ok(lab.trial(), ap=0.4321)).rows
    assert cells(tables.accuracy_table(alone, AP))["openvino static", "128×128"] == "0.432"
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


def test_accuracies_that_tie_are_bold_together(lab: Lab) -> None:
    rng = np.random.default_rng(0)
    shares, luck = rng.uniform(0.5, 0.7, 40), rng.normal(0, 0.01, 40)
    results = [
        masked(lab.ok(lab.trial("openvino")), shares),
        masked(lab.ok(lab.trial("onnxruntime")), shares + luck - luck.mean() + 1e-4),
        masked(lab.ok(lab.trial("torch_eager")), shares - 0.1),
    ]
    shown = cells(tables.accuracy_table(read(lab, *results).rows, MIOU))
    assert [text.startswith("**") for text in shown.values()] == [True, True, False]
    assert re.fullmatch(r"\*\*0\.\d{3} \(0\.\d{3}–0\.\d{3}\)\*\*", next(iter(shown.values())))


def test_memory_has_its_peaks_and_what_the_engine_added(lab: Lab) -> None:
    static, dynamic = lab.ok(lab.trial()), lab.ok(lab.trial(strategy="dynamic"))
    one = Memory(
        peak_bytes=150 * MIB, before_bytes=110 * MIB, run_peak_bytes=140 * MIB, rest_bytes=MIB
    )
    walked = replace(one, walk_bytes=170 * MIB)
    rows = read(lab, replace(static, memory=(one,)), replace(dynamic, memory=(walked,))).rows
    shown = cells(memory.memory_table(rows))
    assert shown["openvino static", "peak to open (MiB)"] == "150"
    assert shown["openvino static", "peak to run (MiB)"] == "140"
    assert shown["openvino static", "of the engine"] == "+40"
    assert shown["openvino static", "after all sizes (MiB)"] == "–"
    assert shown["openvino dynamic", "after all sizes (MiB)"] == "170"
    assert memory.memory_table(read(lab, replace(static, memory=())).rows) == ""


def test_one_engine_for_all_sizes_stands_beside_one_per_size(lab: Lab) -> None:
    """With the largest size first and last, and the libraries of static engines once."""
    known, sizes = [], tuple(Size(side, side) for side in (128, 192, 256))
    for number, size in enumerate(sizes):
        rest = Memory(peak_bytes=1, before_bytes=100 * MIB, rest_bytes=(110 + number) * MIB)
        walked = replace(rest, walk_bytes=(150 - 10 * number) * MIB)
        both: tuple[tuple[Strategy, Memory], ...] = (("static", rest), ("dynamic", walked))
        for strategy, one in both:
            trial = lab.trial(strategy=strategy, size=size, sizes=sizes)
            known.append(replace(lab.ok(trial), memory=(one, one)))
    shown = cells(memory.all_sizes_table(read(lab, *known).rows))
    dynamic, static = "openvino dynamic", "openvino static"
    assert shown[dynamic, "engines"] == "1"
    assert shown[static, "engines"] == "3"
    assert shown[dynamic, "smallest size first (MiB)"] == "150"
    assert shown[dynamic, "largest size first (MiB)"] == "130"
    for column in ("smallest size first (MiB)", "largest size first (MiB)"):
        assert shown[static, column] == str(100 + 10 + 11 + 12)
    assert memory.all_sizes_table(read(lab, *known[:2]).rows) == "", "one size alone"
    assert memory.all_sizes_table(read(lab, *known[1::2]).rows) == "", "no static engines"
    untold = [replace(one, memory=(replace(one.memory[0], rest_bytes=None),)) for one in known[::2]]
    (told,) = {
        engine for engine, _ in cells(memory.all_sizes_table(read(lab, *untold, *known[1::2]).rows))
    }
    assert told == dynamic


def test_gpu_memory_stands_beside_what_the_engine_predicted(lab: Lab) -> None:
    def on_device(backend: str, used: int | None, predicted: int | None) -> Result:
        result = lab.ok(lab.trial(backend))
        before = None if used is None else 30 * MIB
        taken = replace(result.memory[0], device_bytes=used, device_before_bytes=before)
        build = replace(result.builds[0], device_predicted_bytes=predicted)
        return replace(result, memory=(taken,), builds=(build,))

    both = on_device("openvino", 530 * MIB, 123 * MIB)
    rows = read(
        lab,
        both,
        on_device("onnxruntime", None, 45 * MIB),
        on_device("torch_eager", 31 * MIB, None),
        lab.ok(lab.trial("torch_compile")),
    ).rows
    shown = {name: text for (name, _), text in cells(memory.gpu_memory_table(rows)).items()}
    assert shown == {
        "openvino static": "500 (123)",
        "onnxruntime static": "– (45.0)",
        "torch_eager static": "1.00 (–)",
    }
    assert "predicted" not in compose(read(lab, lab.ok(lab.trial())), ("a.",), {})
    assert "GPU memory came with" in compose(read(lab, both), ("a.",), {})


def test_one_dynamic_engine_is_counted_once(lab: Lab) -> None:
    def built(result: Result) -> Result:
        build = Build(build_s=2.0, size_bytes=MIB, achieved="bf16 3, fp32 1", peak_bytes=9 * MIB)
        return replace(result, builds=(build, build))

    rows = read(lab, *map(built, lab.sweep(("openvino",)))).rows
    totals = build_totals(rows)
    assert [(t.engine, t.engines, t.builds, t.build_s, t.file_mib) for t in totals] == [
        ("openvino static", 4, 8, 8, 4),
        ("openvino dynamic", 1, 2, 2, 1),
    ]
    assert cells(lists.build_table(rows))["openvino static", "peak to build (MiB)"] == "9"
    assert cells(lists.build_table(rows))["openvino static", "precision achieved"] == (
        "bf16 3, fp32 1"
    )


def test_a_certain_ratio_is_bold_and_one_that_is_none_has_its_sign(lab: Lab) -> None:
    verdicts = read(lab, *lab.sweep()).verdicts
    shown = cells(tables.ratio_table(verdicts))
    for pair in verdicts.pairs:
        text = shown[pair.row.engine, pair.row.text("size")]
        assert text.startswith("**") == pair.judged.certain
        assert text.endswith(" =") == (pair.judged.verdict == "SAME")
        assert f"{pair.judged.ratio.ratio:.3f} (" in text
    assert cells(lists.mean_table(verdicts))["openvino dynamic", "sizes"] == "4 of 4"
    nothing = read(lab, lab.ok(lab.trial())).verdicts
    assert tables.ratio_table(nothing) == lists.mean_table(nothing) == ""
