"""Engines with NMS inside: compared with the others by the whole way, and never by bare calls."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy import stats as reference

from reports.analysis.front import pareto_front
from reports.choice.deciding import decide
from reports.findings.find import find
from reports.findings.place_of_nms import what_nms_inside_costs
from reports.load import Records, select_records
from reports.markdown import compose
from reports.method.describe import method
from reports.plots.sweep import draw
from reports.tables.by_size import latency_table
from reports.tables.ways import note, ratio_table, way_table
from sizewise.core.specs import NMS_LAYOUT
from sizewise.core.trials import Part, Result
from tests.reports.conftest import SIZES
from tests.reports.scripted import crowded, slower
from tests.reports.test_tables import cells

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

PLAIN, INSIDE = "openvino static", "openvino static NMS inside"
PACES = (1.0, 1.3, 0.9, 1.1, 1.02)
"""Of five waves: what slows down a wave slows down both."""


def read(lab: Lab, *results: Result) -> Records:
    return select_records([lab.run(results)], "x")


def inside(result: Result) -> Result:
    """``result`` as that of the same network with NMS in its graph."""
    trial = replace(result.trial, layout=NMS_LAYOUT, model_sha256="b" * 64)
    return replace(result, trial=trial)


def timed(result: Result, ms: ArrayLike) -> Result:
    """``result`` with pictures that take so long from file to objects, in each process."""
    waves = list(dict.fromkeys(block.wave for block in result.blocks))
    by_wave = zip(waves, np.broadcast_to(ms, len(waves)).tolist(), strict=True)
    parts = (Part(name="whole", wave=w, latency_ns=(round(1e6 * m),) * 3) for w, m in by_wave)
    return replace(result, end_to_end=tuple(parts))


def pair(lab: Lab, ratio: ArrayLike, **changes: object) -> tuple[Result, Result]:
    """An engine, and one with NMS inside whose bare call is slower and whose whole way is so many
    times that of the first."""
    plain = lab.ok(lab.trial(**changes))  # type: ignore[arg-type]
    way = 10 * np.array(PACES)
    return timed(plain, way), timed(inside(slower(plain, 1.5)), way * np.asarray(ratio))


def test_bare_calls_of_the_two_get_neither_verdict_nor_contest_nor_bold_type(lab: Lab) -> None:
    kinds = [lab.ok(lab.trial(backend)) for backend in ("openvino", "torch_eager", "onnxruntime")]
    results = [*kinds, *(inside(slower(one, 1.5)) for one in kinds[:2])]
    verdicts = read(lab, *results).verdicts
    rows = verdicts.rows
    assert [row.nms for row in rows] == ["", "", "", "inside", "inside"]
    for contest in verdicts.contests:
        (nms,) = {row.nms for row in contest.rows}
        assert {row.nms for row in pareto_front(contest, verdicts)} == {nms}
    for one, other in product(rows[:3], rows[3:]):
        with pytest.raises(KeyError):
            verdicts.of(one, other)
    shown = cells(latency_table(verdicts))
    bold = {name for (name, _), text in shown.items() if text.startswith("**")}
    assert bold == {PLAIN, INSIDE}


def test_a_graph_of_somebody_else_is_told_by_its_operators(lab: Lab) -> None:
    foreign = lab.ok(replace(lab.trial(), layout="unknown", nms=True))
    records = read(lab, foreign, lab.ok(lab.trial("onnxruntime")))
    assert [row.engine for row in records.rows] == [INSIDE, "onnxruntime static"]
    assert records.verdicts.all == []


def test_the_whole_way_is_compared_wave_by_wave(lab: Lab) -> None:
    """Student's t on the differences of logarithms, by SciPy."""
    ratios = np.array([0.90, 0.92, 0.89, 0.91, 0.93])
    (way,) = read(lab, *pair(lab, ratios)).verdicts.ways
    assert (way.inside.engine, way.after.engine) == (INSIDE, PLAIN)
    logs = np.log(ratios)
    ends = np.exp(reference.t.interval(0.95, 4, logs.mean(), reference.sem(logs)))
    found = way.judged.ratio
    assert found.ratio == pytest.approx(np.exp(logs.mean()))
    assert (found.low, found.high) == pytest.approx(tuple(ends), rel=1e-5)
    assert way.judged.verdict == "FASTER"  # its bare call is slower by half
    plain, other = pair(lab, ratios)
    for both in ((crowded(plain), other), (plain, crowded(other))):
        (way,) = read(lab, *both).verdicts.ways
        assert way.judged.verdict == "UNCLEAR"


def test_a_whole_way_has_an_interval_over_processes(lab: Lab) -> None:
    plain, _ = pair(lab, 1.0)
    (row,) = read(lab, plain).rows
    logs = np.log(10 * np.array(PACES))
    ends = np.exp(reference.t.interval(0.95, 4, logs.mean(), reference.sem(logs)))
    assert (row.end_to_end_low_ms, row.end_to_end_high_ms) == pytest.approx(tuple(ends), rel=1e-5)
    shown = cells(way_table([row]))[PLAIN, "end to end (ms)"]
    assert shown == f"{row.end_to_end_ms:.1f} ({ends[0]:.1f}–{ends[1]:.1f})"


def beside_a_browser(result: Result, count: int) -> Result:
    """``result`` with so many processes in which something disturbed the turns of pictures, and
    made them take twice as long."""
    loud = {part.wave for part in result.end_to_end[:count]}
    ways = tuple(
        replace(part, latency_ns=tuple(2 * ns for ns in part.latency_ns), disturbed=("load",))
        if part.wave in loud
        else part
        for part in result.end_to_end
    )
    return replace(result, end_to_end=ways)


@pytest.mark.parametrize(("count", "mark", "processes"), [(0, "", 5), (2, "", 3), (3, " †", 5)])
def test_pictures_that_something_disturbed_are_left_out_or_marked(
    lab: Lab, count: int, mark: str, processes: int
) -> None:
    """As processes of bare calls are: left out where enough others were left alone."""
    plain, nms = (beside_a_browser(one, count) for one in pair(lab, 0.9))
    records = read(lab, plain, nms)
    (way,) = records.verdicts.ways
    assert (way.judged.ratio.disturbed, way.judged.ratio.waves) == (bool(mark), processes)
    assert way.judged.ratio.ratio == pytest.approx(0.9)
    row = way.after
    paces = [pace * (1 + (wave < count)) for wave, pace in enumerate(PACES)][-processes:]
    assert row.end_to_end_ms == pytest.approx(10 * reference.gmean(paces))
    assert row.end_to_end_codes == (("load",) if mark else ())
    ways_shown = cells(way_table(records.rows))
    left_out = "" if mark or not count else f" ({count} left out)"
    assert ways_shown[PLAIN, "processes"] == f"{processes}{left_out}"
    shown = ways_shown | cells(ratio_table(records.verdicts.ways))
    told = note(records.rows, records.verdicts.ways)
    assert ("Left out: disturbed processes" in told) is bool(left_out)
    for header in ("end to end (ms)", "ratio of the whole way"):
        assert shown[INSIDE, header].endswith(" †") is bool(mark)
    page = compose(records, find(records), {})
    assert ("†: disturbed in most turns of a process" in page) is bool(mark)


def test_the_difference_is_told_in_a_table_and_in_a_sentence(lab: Lab) -> None:
    records = read(lab, *pair(lab, 0.9 * np.array([1, 1.01, 0.99, 1, 1.0])))
    told = what_nms_inside_costs(records.verdicts)
    assert told.startswith(f"From picture to objects, NMS included: {INSIDE} at 128×128 is 1.11× (")
    assert told.endswith(f") faster than {PLAIN}.")
    shown = cells(ratio_table(records.verdicts.ways))
    assert shown[INSIDE, "ratio of the whole way"].startswith("**0.900 (0.8")
    page = compose(records, find(records), {})
    assert "over that with NMS after the engine" in page
    assert told in page
    alone = read(lab, pair(lab, 1.0)[0]).verdicts
    assert what_nms_inside_costs(alone) == ratio_table(alone.ways) == ""


def test_several_sizes_are_counted_by_what_is_said_of_them(lab: Lab) -> None:
    same = 1 + 0.001 * np.array([1, -1, 2, -2, 0])
    results = [
        one
        for size, ratio in zip(SIZES, (0.8 * same, 1.25 * same, same, 0.8 * same), strict=True)
        for one in pair(lab, ratio, size=size)
    ]
    assert what_nms_inside_costs(read(lab, *results).verdicts) == (
        f"From picture to objects, NMS included: {INSIDE} takes 0.80 to 1.25 times as long as "
        f"{PLAIN}, faster at 2, slower at 1 and the same at 1 of 4 sizes."
    )


def test_two_processes_in_common_are_too_few_for_a_verdict(lab: Lab) -> None:
    plain, nms = pair(lab, 0.5)
    apart = replace(nms, end_to_end=nms.end_to_end[:2])
    verdicts = read(lab, plain, apart).verdicts
    assert [way.judged.verdict for way in verdicts.ways] == [None]
    assert "is not compared (2 processes in common, 3 needed) with" in what_nms_inside_costs(
        verdicts
    )
    shown = cells(ratio_table(verdicts.ways))[INSIDE, "ratio of the whole way"]
    assert shown.endswith("too few processes")


def test_ways_of_other_pictures_or_of_another_engine_are_not_compared(lab: Lab) -> None:
    plain, nms = pair(lab, 0.5)
    assert plain.accuracy is not None
    other_data = replace(plain, accuracy=replace(plain.accuracy, data_sha256="e" * 64))
    other_engine = timed(lab.ok(lab.trial("onnxruntime")), 10)
    for base in (other_data, other_engine, replace(plain, end_to_end=())):
        verdicts = read(lab, base, nms).verdicts
        assert verdicts.ways == ()
        assert "are not compared with the others" in what_nms_inside_costs(verdicts)


def test_each_kind_has_a_decision_of_its_own(lab: Lab) -> None:
    both = pair(lab, 0.9)
    for results in (both, [replace(one, accuracy=None) for one in both]):
        told = decide(read(lab, *results))
        assert told[0].startswith(f"Of engines without NMS inside: ship {PLAIN} at 128×128, ")
        assert told[1].startswith(f"Of engines with NMS inside: ship {INSIDE} at 128×128, ")
        assert "faster than" not in " ".join(told)
    assert decide(read(lab, both[1]))[0].startswith(f"Ship {INSIDE} at ")


def test_it_is_told_that_a_bare_call_with_nms_inside_is_a_lower_bound(lab: Lab) -> None:
    plain, nms = pair(lab, 0.9)
    records = read(lab, plain, nms)
    page = compose(records, find(records), draw(records.verdicts))
    assert page.count("so the figure is a lower bound") == 1
    assert page.count("its bare call is a lower bound") == 1
    without = method(read(lab, plain))
    assert "Calls are given uniform noise" in without
    assert "lower bound" not in without


def test_it_is_told_how_pictures_were_shown(lab: Lab) -> None:
    plain, _ = pair(lab, 0.9)
    assert (
        "Pictures were scaled by one factor, with grey around them, and given as rgb, 0–1."
        in method(read(lab, plain))
    )
    stretched = replace(plain.trial, letterbox=False, replica=1)
    told = method(read(lab, plain, replace(plain, trial=stretched)))
    assert "; stretched, and given as rgb, 0–1 (" in told
    unseen = replace(plain, accuracy=None, end_to_end=())
    assert "Pictures were" not in method(read(lab, unseen))


def test_it_is_told_what_further_inputs_were_given(lab: Lab) -> None:
    plain, _ = pair(lab, 0.9)
    sized = replace(plain.trial, further=("size = height, width [batch, 2]",), assumed=("size",))
    told = method(read(lab, replace(plain, trial=sized)))
    assert ": size = height, width " in told
    assert "Nobody said what size should be given." in told
    assert "beside the picture" not in method(read(lab, plain))
