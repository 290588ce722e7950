from __future__ import annotations

import itertools
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from reports.analysis.front import pareto_front
from reports.load import Records, select_records
from reports.plots.accuracy import accuracy_figure
from reports.plots.styles import OKABE_ITO, Style, styles
from reports.plots.sweep import draw, latency_figure
from reports.rows.grouping import grouped, measured_of
from reports.text.words import times
from sizewise.core.specs import Size
from sizewise.core.trials import Result
from tests.reports.scripted import masked, slower, steady

if TYPE_CHECKING:
    from tests.reports.conftest import Lab


def read(lab: Lab, *results: Result) -> Records:
    return select_records([lab.run(results)], "x")


ALONE = {f"{name}.png" for name in ("latency", "ecdf", "memory", "builds", "machine")}
"""Plots of a single engine without an accuracy."""
STRATEGIES = ("static", "dynamic")


def heights(bars: ErrorbarContainer) -> list[float]:
    line = bars.lines[0]
    assert line is not None
    return [float(y) for y in np.asarray(line.get_ydata())]


def notes(figure: Figure) -> list[Annotation]:
    return [child for child in figure.axes[0].get_children() if isinstance(child, Annotation)]


def test_every_measured_engine_has_its_line_with_its_intervals(lab: Lab) -> None:
    records = read(lab, *lab.sweep(), lab.bad(lab.trial("torch_eager")))
    (axes,) = draw(records.verdicts)["latency.png"].axes
    title = axes.get_title(loc="left").replace("\n", " ")
    assert title.startswith("openvino static is the fastest at all 4 sizes; the next has +1")
    assert title.endswith(" %) or more")
    bars = {c.get_label(): c for c in axes.containers if isinstance(c, ErrorbarContainer)}
    assert set(bars) == {f"{b} {s}" for b in ("onnxruntime", "openvino") for s in STRATEGIES}
    for engine, rows in grouped(measured_of(records.rows), lambda row: row.engine).items():
        _, _, (segments,) = bars[engine].lines
        ends = np.array([segment[:, 1] for segment in segments.get_segments()])
        assert heights(bars[engine]) == pytest.approx([row.latency_ms for row in rows])
        intervals = [(row.latency_low_ms, row.latency_high_ms) for row in rows]
        assert ends == pytest.approx(np.array(intervals))


def test_some_engines_keep_the_looks_that_they_have_among_all(lab: Lab) -> None:
    records = read(lab, *lab.sweep())
    look = styles(records.rows)
    own = [row for row in records.rows if row.backend == "openvino"]
    (axes,) = latency_figure(records.verdicts, look, own).axes
    bars = {c.get_label(): c for c in axes.containers if isinstance(c, ErrorbarContainer)}
    assert set(bars) == {"openvino static", "openvino dynamic"}
    for engine, bar in bars.items():
        assert bar.lines[0].get_color() == look[str(engine)].line["color"]
    assert axes.get_title(loc="left").startswith("openvino static is the fastest at all 4 sizes")


def test_the_ratio_is_drawn_in_percent(lab: Lab) -> None:
    records = read(lab, *lab.sweep(("openvino",)))
    above, below = draw(records.verdicts)["dynamic.png"].axes
    (bars,) = below.containers
    assert isinstance(bars, ErrorbarContainer)
    wanted = [100 * (pair.judged.ratio.ratio - 1) for pair in records.verdicts.pairs]
    assert heights(bars) == pytest.approx(wanted)
    assert above.get_title(loc="left").startswith(
        "One dynamic engine instead of one static engine per size: +1"
    )


def test_only_what_was_measured_is_drawn(lab: Lab) -> None:
    assert draw(read(lab, lab.bad(lab.trial())).verdicts) == {}
    alone = replace(lab.ok(lab.trial()), accuracy=None)
    assert set(draw(read(lab, alone).verdicts)) == ALONE
    everything = draw(read(lab, *lab.sweep()).verdicts)
    assert set(everything) == {*ALONE, "dynamic.png", "accuracy.png"}


@pytest.mark.parametrize("seed", range(4))
def test_no_label_covers_another_or_a_point(lab: Lab, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [Size(side, side) for side in range(128, 641, 64)]
    results = [
        lab.ok(lab.trial(backend, size=size, sizes=sizes), ap=float(rng.uniform(0.40, 0.45)))
        for size in sizes
        for backend in ("onnxruntime", "openvino", "torch_eager")
    ]
    records = read(lab, *results)
    (contest,) = records.verdicts.contests
    figure = accuracy_figure(contest, records.verdicts, styles(records.rows))
    figure.draw_without_rendering()
    boxes = [note.get_window_extent() for note in notes(figure)]
    assert boxes
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    points = np.array([(row.image_ms, row.ap) for row in contest.rows])
    seen = figure.axes[0].transData.transform(points)
    assert not any(box.contains(x, y) for box in boxes for x, y in seen)


def test_the_front_is_what_nothing_is_shown_to_beat(lab: Lab) -> None:
    rng = np.random.default_rng(0)
    results = [replace(r, accuracy=None) if rng.random() < 0.1 else r for r in lab.sweep()]
    scored = [lab.ok(r.trial, ap=float(rng.choice([0.3, 0.4, 0.5]))) for r in results]
    verdicts = read(lab, *scored).verdicts
    (contest,) = verdicts.contests
    front = pareto_front(contest, verdicts)
    for row in contest.rows:
        # The engines differ by 12 % and more, or by nothing, and rows scatter by half a percent.
        better = [
            other
            for other in contest.rows
            if (other.ap >= row.ap and other.image_ms < 0.95 * row.image_ms)
            or (other.ap > row.ap and other.image_ms < 1.01 * row.image_ms)
        ]
        certain = [
            other
            for other in contest.rows
            if other.ap >= row.ap and other.image_ms < 1.05 * row.image_ms and other is not row
        ]
        assert row not in front or not better
        assert row in front or certain


def test_a_lead_within_the_noise_drops_nothing_from_the_front(lab: Lab) -> None:
    wild = [1.0, 1.6, 1.3, 1.9, 1.2]
    pair = [
        steady(lab.ok(lab.trial(backend), ap=0.5), 2 if backend == "openvino" else wild)
        for backend in ("openvino", "onnxruntime")
    ]
    beaten = lab.ok(lab.trial("torch_eager"), ap=0.5)
    verdicts = read(lab, *(slower(one, [1, 1.5, 1, 1.3, 0.8]) for one in pair), beaten).verdicts
    (contest,) = verdicts.contests
    assert [row.backend for row in pareto_front(contest, verdicts)] == ["onnxruntime", "openvino"]
    titles = {name: plot.axes[0].get_title(loc="left") for name, plot in draw(verdicts).items()}
    assert titles["latency.png"] == "No engine is shown to be the fastest"


def test_what_is_not_decided_is_pale(lab: Lab) -> None:
    static, dynamic = lab.ok(lab.trial()), lab.ok(lab.trial(strategy="dynamic"))
    for factors, labels in ((1.0, set()), ([0.8, 1.3, 1.0, 1.2, 0.9], {"pale: not decided"})):
        verdicts = read(lab, static, slower(dynamic, factors)).verdicts
        _, axes = draw(verdicts)["dynamic.png"].axes
        shown = {line.get_label() for line in axes.get_lines()}
        assert {label for label in shown if str(label).startswith("pale")} == labels
        assert axes.get_legend_handles_labels()[1][-1] == "the same: within ±2 %"


def test_accuracies_have_their_intervals(lab: Lab) -> None:
    rng = np.random.default_rng(0)
    records = read(lab, masked(lab.ok(lab.trial()), rng.uniform(0.4, 0.8, 30)))
    (contest,) = records.verdicts.contests
    (axes,) = accuracy_figure(contest, records.verdicts, styles(records.rows)).axes
    (bars,) = (c for c in axes.containers if isinstance(c, ErrorbarContainer))
    (segment,) = bars.lines[2][1].get_segments()
    (row,) = records.rows
    assert segment[:, 1] == pytest.approx([row.accuracy_low, row.accuracy_high])


def test_an_engine_looks_alike_in_all_pictures(lab: Lab) -> None:
    look = styles(read(lab, *lab.sweep()).rows)
    static, dynamic = look["openvino static"].line, look["openvino dynamic"].line
    assert static["color"] == dynamic["color"] != look["onnxruntime static"].line["color"]
    assert static["marker"] != dynamic["marker"]


def test_many_engines_never_look_alike() -> None:
    strategies = ("static", "dynamic", "profiles")
    looks = [Style(family=n, strategy=s).line for n in range(28) for s in strategies]
    assert len({(look["color"], look["marker"]) for look in looks}) == len(looks)
    assert {look["color"] for look in looks} == set(OKABE_ITO)


def test_sizes_that_are_not_square_and_a_single_one(lab: Lab) -> None:
    sizes = (Size(192, 320), Size(320, 192))
    for chosen in (sizes, sizes[:1]):
        records = read(lab, *lab.sweep(sizes=chosen))
        pictures = draw(records.verdicts)
        for picture in pictures.values():
            picture.draw_without_rendering()
        (axes,) = pictures["latency.png"].axes
        assert [t.get_text() for t in axes.get_xticklabels()] == [times(size) for size in chosen]


def test_pictures_need_neither_a_display_nor_torch() -> None:
    code = "import reports.markdown, sys; print(*{'matplotlib.pyplot','torch'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_disturbed_rows_are_crossed_out(lab: Lab) -> None:
    hasty = replace(lab, processes=2)
    records = read(lab, hasty.ok(hasty.trial("onnxruntime")), *lab.sweep(("openvino",)))
    for name in ("latency.png", "accuracy.png"):
        (axes,) = draw(records.verdicts)[name].axes
        crosses = [line for line in axes.get_lines() if line.get_label() == "disturbed"]
        assert [len(np.asarray(line.get_xdata())) for line in crosses] == [1]


def test_any_file_name_can_stand_in_a_picture(lab: Lab) -> None:
    odd = ("_hidden", r"$\frac{broken$", "a_b$c$")
    records = read(lab, *(lab.ok(lab.trial(network=name)) for name in odd))
    wanted = {f"{name} openvino static" for name in odd}
    for plot, figure in draw(records.verdicts).items():
        figure.draw_without_rendering()
        names = {text.get_text().strip() for one in figure.legends for text in one.get_texts()}
        assert wanted <= names or plot in ("ecdf.png", "machine.png")
