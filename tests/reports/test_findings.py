from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.choice.deciding import LINES, decide
from reports.findings.dynamic_cost import what_dynamic_costs
from reports.findings.find import find
from reports.findings.reliance import what_is_earlier, what_to_rely_on
from reports.load import Records, select_records
from reports.markdown import compose
from reports.text.disturbances import COUNTED, todos
from reports.text.words import times
from sizewise.core.specs import NMS_LAYOUT, Size
from sizewise.core.stats import summarize
from sizewise.core.stats.disturbing import FEW_PROCESSES_CODE
from sizewise.core.trials import Part, Result, disturbances

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

SMALL, LARGE = Size(128, 128), Size(256, 256)
QUIET_TODO = "Stop other programs and measure again."


def read(lab: Lab, *results: Result, **run: str) -> Records:
    return select_records([lab.run(results, **run)], "x")


def test_the_dynamic_engine_has_its_price(lab: Lab) -> None:
    calm = replace(lab, noise=0.002)
    sentence = what_dynamic_costs(read(calm, *calm.sweep()).verdicts)
    nothing, something = sentence.split(" In openvino: +")
    assert float(something.partition(" % latency (95 % CI +")[0]) == pytest.approx(12, abs=1)
    assert "geometric mean of 4 sizes" in something
    assert "1 build in 0.500 s and 10.0 MiB instead of 4 in 1.60 s and 40.0 MiB" in something
    assert "In onnxruntime: the same latency within ±2 % (" in nothing


def test_a_price_that_may_be_nothing_is_not_decided(lab: Lab) -> None:
    noisy = replace(lab, noise=0.05)
    pair = [noisy.ok(noisy.trial("onnxruntime", kind)) for kind in ("static", "dynamic")]
    sentence = what_dynamic_costs(read(noisy, *pair).verdicts)
    assert "In onnxruntime: not decided (" in sentence
    assert " %, 95 % CI " in sentence
    assert "±" not in sentence


def test_one_process_gives_no_verdict(lab: Lab) -> None:
    hasty = replace(lab, processes=1)
    pair = [hasty.ok(hasty.trial("openvino", kind)) for kind in ("static", "dynamic")]
    sentence = what_dynamic_costs(read(hasty, *pair).verdicts)
    assert "In openvino: one process, no verdict (+1" in sentence
    page = compose(read(hasty, *pair), (), {})
    assert re.search(r"\| 1\.1\d+ one process \|", page)
    assert " one process: too few for a verdict." in page
    assert " apart" not in page.partition("## Tails")[0]
    assert "dynamic at 128×128 (measured in one process, so not compared)." in page


def test_disturbed_sizes_stay_in_the_price_and_are_counted(lab: Lab) -> None:
    first, second, *others = lab.sweep(("openvino",))
    first = lab.ok(first.trial, disturbed=("steal",))
    sentence = what_dynamic_costs(read(lab, first, second, *others).verdicts)
    assert "geometric mean of 4 sizes, 1 disturbed" in sentence


def test_an_earlier_harness_stands_in_no_price_beside_a_new_one(lab: Lab) -> None:
    old = replace(lab, harness=1)
    both = [*old.sweep(("openvino",)), *lab.sweep(("openvino",))]
    assert "geometric mean of 4 sizes" in what_dynamic_costs(read(lab, *both).verdicts)


def test_without_a_pair_there_is_no_price(lab: Lab) -> None:
    lonely = read(lab, lab.ok(lab.trial()), lab.ok(lab.trial("onnxruntime", "dynamic")))
    assert "No comparison of dynamic" in what_dynamic_costs(lonely.verdicts)


def test_an_unknown_build_is_not_counted_as_none(lab: Lab) -> None:
    first, *others = lab.sweep(("openvino",))
    records = read(lab, replace(first, builds=()), *others)
    assert "build" not in what_dynamic_costs(records.verdicts)


def test_disturbed_rows_are_named(lab: Lab) -> None:
    good = lab.ok(lab.trial("openvino"))
    bad = lab.ok(lab.trial("onnxruntime"), disturbed=("load",))
    refused = lab.bad(lab.trial("torch_eager"), "unsupported")
    assert what_to_rely_on(read(lab, good).rows) == ("Marked as disturbed: none of 1 measured row.")
    assert what_to_rely_on(read(lab, good, bad, refused).rows) == (
        "Disturbed: 1 of 2 measured rows, onnxruntime static at 128×128 (background load in 20 of "
        f"20 rounds of 5 of 5 processes, after 20 attempts). {QUIET_TODO} Not measured: 1 row "
        "(1 unsupported: unsupported_size)."
    )
    assert what_to_rely_on(read(lab, refused).rows) == (
        "Not measured: 1 row (1 unsupported: unsupported_size)."
    )


def test_processes_that_were_left_out_are_told_where_no_row_is_marked(lab: Lab) -> None:
    """A row that has enough undisturbed processes is not marked; that is not to say that nothing
    disturbed it."""
    one = lab.ok(lab.trial())
    waves = sorted({block.wave for block in one.blocks})
    blocks = (replace(b, disturbed=("load",) if b.wave == waves[0] else ()) for b in one.blocks)
    ways = (
        Part(name="whole", wave=w, latency_ns=(9,), disturbed=("load",) if w in waves[:2] else ())
        for w in waves
    )
    both = replace(one, blocks=tuple(blocks), end_to_end=tuple(ways))
    told = "Marked as disturbed: none of 1 measured row."
    assert what_to_rely_on(read(lab, both).rows) == (
        f"{told} Left out, because they were disturbed: 1 of 5 processes and 2 of 5 processes "
        "that timed pictures."
    )
    assert what_to_rely_on(read(lab, replace(both, end_to_end=())).rows) == (
        f"{told} Left out, because they were disturbed: 1 of 5 processes."
    )
    assert what_to_rely_on(read(lab, replace(both, blocks=one.blocks)).rows) == (
        f"{told} Left out, because they were disturbed: 2 of 5 processes that timed pictures."
    )


def test_many_disturbed_rows_are_counted_by_their_reasons(lab: Lab) -> None:
    hasty = replace(lab, processes=2)
    results = [hasty.ok(result.trial, disturbed=("load", "of_tomorrow")) for result in lab.sweep()]
    sentence = what_to_rely_on(read(hasty, *results).rows)
    assert sentence.startswith("Disturbed: 16 of 16 measured rows, 16 with too few processes")
    assert "16 with background load and 16 with of_tomorrow (" in sentence
    assert "openvino static and 1 more). Measure in 3 processes or more: " in sentence
    assert sentence.endswith(f" {QUIET_TODO}")


def test_a_wide_interval_is_no_disturbance(lab: Lab) -> None:
    wild = replace(lab, noise=0.4)
    (row,) = read(wild, wild.ok(wild.trial())).rows
    assert row.latency_width > 0.1
    assert "Marked as disturbed: none of 1 measured row." in what_to_rely_on([row])


def test_where_the_anchor_wanders_ratios_are_to_be_taken(lab: Lab) -> None:
    result = lab.ok(lab.trial())
    drifting = tuple(
        replace(block, anchor_ns=5e6 * (1 + 0.3 * (turn % 2)))
        for turn, block in enumerate(result.blocks)
    )
    rows = read(lab, replace(result, blocks=drifting)).rows
    assert what_to_rely_on(rows).endswith(
        "Milliseconds wandered by 14 % (standard deviation over rounds) while this ran: take the "
        "ratios, not the milliseconds."
    )
    assert "wandered" not in what_to_rely_on(read(lab, result).rows)


def test_an_earlier_harness_has_its_remark(lab: Lab) -> None:
    old = replace(lab, harness=1)
    first, second = old.ok(old.trial()), lab.ok(lab.trial())
    assert what_is_earlier(read(lab, second).rows) == ""
    assert what_is_earlier(read(lab, first).rows).startswith(
        "Earlier harness: it measured all 1 row, slowed "
    )
    both = read(lab, first, second)
    assert "1 row, which are compared with no other" in what_is_earlier(both.rows)
    assert decide(both)[0].startswith("Ship openvino static at ")
    assert decide(read(lab, first))[0].startswith("Ship openvino static earlier harness at ")


def test_every_kind_of_disturbance_has_its_words() -> None:
    assert set(COUNTED) == {FEW_PROCESSES_CODE, *disturbances.KINDS}
    assert todos(COUNTED).count(".") >= len(COUNTED)
    assert todos(["of_tomorrow"]) == ""


STATES = ("ok", "bare", "disturbed", "earlier", "nms", "unsupported", "failed", "invalid", "absent")
PLACES = [
    (backend, strategy, size)
    for backend in ("onnxruntime", "openvino")
    for strategy in ("static", "dynamic")
    for size in (SMALL, LARGE)
]


@st.composite
def sweeps(draw: st.DrawFn) -> list[tuple[str, float, int]]:
    """A state, an AP and a number of processes for each of ``PLACES``; not all of them absent."""
    states = draw(
        st.lists(st.sampled_from(STATES), min_size=len(PLACES), max_size=len(PLACES)).filter(
            lambda s: set(s) != {"absent"}
        )
    )
    scores = [draw(st.sampled_from([0.0, 0.5, 0.503, 0.506])) for _ in PLACES]
    processes = draw(st.sampled_from([1, 2, 3]))
    return [(state, ap, processes) for state, ap in zip(states, scores, strict=True)]


def made(lab: Lab, sweep: list[tuple[str, float, int]]) -> list[Result]:
    results = []
    for (backend, strategy, size), (state, ap, processes) in zip(PLACES, sweep, strict=True):
        hasty = replace(lab, processes=processes, rounds=2, harness=1 if state == "earlier" else 2)
        trial = hasty.trial(backend, strategy, size, sizes=(SMALL, LARGE))  # type: ignore[arg-type]
        trial = replace(trial, layout=NMS_LAYOUT if state == "nms" else "")
        if state in ("unsupported", "failed", "invalid"):
            results.append(hasty.bad(trial, state))  # type: ignore[arg-type]
        elif state != "absent":
            result = hasty.ok(trial, ap=ap, disturbed=("load",) if state == "disturbed" else ())
            bare = replace(result, accuracy=None, memory=(), builds=())
            results.append(bare if state == "bare" else result)
    return results


def expected_choice(results: list[Result]) -> str:
    """By brute force: where the first sentence must point."""
    measured = [result for result in results if result.blocks]
    newest = max((result.trial.harness for result in measured), default=0)
    scored = [
        (result.accuracy.ap, summarize(result).latency_ms.point, result.trial)
        for result in measured
        if result.trial.harness == newest
        and result.accuracy is not None
        and result.accuracy.ap is not None
    ]
    if not measured:
        return "Ship nothing: no engine was measured."
    if not scored:
        return ""
    first = min(scored, key=lambda member: member[1])[2].has_nms_inside
    rivals = [member for member in scored if member[2].has_nms_inside == first]
    best = max(ap for ap, _, _ in rivals)
    near = [(ms, trial) for ap, ms, trial in rivals if ap > max(best - 0.0055, 0)]
    place = "with" if first else "without"
    ship = "Ship" if rivals == scored else f"Of engines {place} NMS inside: ship"
    if not best:
        return f"{ship} nothing: no engine finds anything."
    cell = min(near, key=lambda member: member[0])[1].cell
    inside, earlier = " NMS inside" if first else "", " earlier harness" if newest == 1 else ""
    return f"{ship} {cell.backend} {cell.strategy}{inside}{earlier} at {times(cell.size)}"


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(sweeps())
def test_whatever_is_missing_the_report_is_whole_and_true(
    lab: Lab, sweep: list[tuple[str, float, int]]
) -> None:
    results = made(lab, sweep)
    records = read(lab, *results)
    findings = find(records)
    decision = decide(records)
    expected = expected_choice(results)
    whose, named = re.split("[Ss]hip ", expected) if expected else ("", "")
    is_open = re.match(r"(Of engines [\w ]+, n|N)o answer yet: ", decision[0])
    assert decision[0].startswith(expected) or is_open
    assert named in decision[0]
    assert decision[0].startswith(whose.removesuffix(": "))
    assert len(decision) <= LINES
    text = compose(records, findings, {})
    for sentence in (*decision, *findings):
        assert sentence.endswith(".")
        assert "  " not in sentence
    for broken in ("nan", "None", "inf", "Series", "/home"):
        assert broken not in text
    assert text.count("\n## ") == len(set(text.split("\n## ")[1:]))


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(sweeps())
def test_every_difference_that_is_told_was_judged_with_the_others(
    lab: Lab, sweep: list[tuple[str, float, int]]
) -> None:
    records = read(lab, *made(lab, sweep))
    told = " ".join((*decide(records), *find(records)))
    certain = [judged for judged in records.verdicts.all if judged.certain]
    for word in ("faster than", "slower than", " % latency"):
        assert certain or word not in told
    for judged in records.verdicts.all:
        assert (judged.verdict is None) == (judged.ratio.low is None)
