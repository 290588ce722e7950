from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.findings.dynamic_cost import what_dynamic_costs
from reports.findings.find import find, what_is_unreliable
from reports.findings.phrases import speed_up
from reports.findings.recommendation import what_to_ship
from reports.load import Records, select_records
from reports.markdown import compose
from reports.text.warnings import KINDS
from reports.text.words import times
from sizewise.core.specs import Size
from sizewise.core.stats import DoubtCode, summarize
from sizewise.core.trials import Result

if TYPE_CHECKING:
    from tests.reports.conftest import Lab

SMALL, LARGE = Size(128, 128), Size(256, 256)


def read(lab: Lab, *results: Result) -> Records:
    return select_records([lab.run(results)], "x")


def doubtful(result: Result) -> Result:
    """Every other block under foreign load."""
    blocks = (replace(b, valid=turn % 2 == 0) for turn, b in enumerate(result.blocks))
    return replace(result, blocks=tuple(blocks))


def test_the_fastest_within_half_a_point_is_named_with_its_lead(lab: Lab) -> None:
    quick = lab.ok(lab.trial("openvino", size=SMALL), ap=0.500)
    best = lab.ok(lab.trial("onnxruntime", size=LARGE), ap=0.504)
    sentence = what_to_ship(read(lab, best, quick).rows)
    summary = summarize(quick)
    assert sentence.startswith(
        f"Recommended: openvino static at 128×128, {summary.latency_ms:.2f} ms "
        f"(95 % CI {summary.low_ms:.2f}–{summary.high_ms:.2f}), AP 0.500; "
    )
    ratio = summarize(best).latency_ms / summary.latency_ms
    assert f"; {ratio:.2f}× (95 % CI " in sentence
    assert ") faster than the most accurate, onnxruntime static at 256×256 (" in sentence
    assert sentence.endswith("), AP 0.504.")


def test_more_than_half_a_point_is_too_much(lab: Lab) -> None:
    quick = lab.ok(lab.trial("openvino", size=SMALL), ap=0.498)
    best = lab.ok(lab.trial("onnxruntime", size=LARGE), ap=0.504)
    sentence = what_to_ship(read(lab, best, quick).rows)
    assert sentence.startswith("Recommended: onnxruntime static at 256×256, ")
    assert sentence.endswith("AP 0.504; no engine is more accurate.")


def test_at_the_same_accuracy_it_says_so(lab: Lab) -> None:
    quick = lab.ok(lab.trial("openvino", size=SMALL), ap=0.50001)
    best = lab.ok(lab.trial("onnxruntime", size=LARGE), ap=0.50002)
    sentence = what_to_ship(read(lab, best, quick).rows)
    assert "faster than onnxruntime static at 256×256 (" in sentence
    assert sentence.endswith(" at the same AP.")


def test_a_lead_that_is_not_certain_is_no_speed_up() -> None:
    assert speed_up(4.77, 4.67, 4.87) == "4.77× (95 % CI 4.67–4.87) faster than"
    assert speed_up(1.02, 0.98, 1.06) == "1.02× (95 % CI 0.98–1.06) as fast as"
    assert speed_up(0.91, None, None) == "0.91× as fast as"


def test_a_rival_that_is_not_slower_is_named(lab: Lab) -> None:
    twins = [lab.ok(lab.trial(replica=turn), ap=0.5) for turn in range(2)]
    slow = lab.ok(lab.trial("torch_eager"), ap=0.5)
    sentence = what_to_ship(read(lab, *twins, slow).rows)
    assert " Statistically tied: openvino static" in sentence
    assert "torch_eager" not in sentence


def test_a_doubtful_row_is_not_recommended_while_there_is_another(lab: Lab) -> None:
    quick = doubtful(lab.ok(lab.trial("openvino"), ap=0.5))
    sound = lab.ok(lab.trial("onnxruntime"), ap=0.5)
    sentence = what_to_ship(read(lab, quick, sound).rows)
    assert sentence.startswith("Recommended: onnxruntime static")
    assert " Faster but unreliable: openvino static at 128×128." in sentence
    alone = what_to_ship(read(lab, quick).rows)
    assert alone.startswith("Recommended: openvino static")
    assert alone.endswith(" Warning: other programs busy during 50 % of its blocks, limit 25 %.")


def test_batches_compete_by_image(lab: Lab) -> None:
    one = lab.ok(lab.trial("openvino", batch_size=1), ap=0.5)
    many = lab.ok(lab.trial("openvino", batch_size=8), ap=0.5)
    quick = [replace(b, latency_ns=tuple(n // 2 for n in b.latency_ns)) for b in many.blocks]
    sentence = what_to_ship(read(lab, one, replace(many, blocks=tuple(quick))).rows)
    assert sentence.startswith("Recommended: openvino static batch 8 at 128×128, ")
    assert " ms per batch of 8 (95 % CI " in sentence


def test_segmenters_are_ranked_by_their_masks(lab: Lab) -> None:
    result = lab.ok(lab.trial())
    assert result.accuracy is not None
    masks = replace(result, accuracy=replace(result.accuracy, ap=None, ap50=None, miou=0.7))
    assert ", mIoU 0.700; no engine is more accurate." in what_to_ship(read(lab, masks).rows)


def test_without_accuracy_it_says_so(lab: Lab) -> None:
    results = [replace(result, accuracy=None) for result in lab.sweep()]
    sentence = what_to_ship(read(lab, *results).rows)
    assert "accuracy was not measured" in sentence
    assert "Fastest at the largest size: openvino static at 320×320, " in sentence
    assert "no engine was measured" in what_to_ship(read(lab, lab.bad(lab.trial())).rows)


def test_the_dynamic_engine_has_its_price(lab: Lab) -> None:
    calm = replace(lab, noise=0.002)
    sentence = what_dynamic_costs(read(calm, *calm.sweep()).rows)
    nothing, something = sentence.split(" In openvino: +")
    assert float(something.partition(" % latency (95 % CI +")[0]) == pytest.approx(12, abs=1)
    assert "geometric mean of 4 sizes" in something
    assert "1 build in 0.500 s and 10.0 MiB instead of 4 in 1.60 s and 40.0 MiB" in something
    assert "In onnxruntime: the same latency (" in nothing


def test_a_price_that_may_be_nothing_is_not_significant(lab: Lab) -> None:
    noisy = replace(lab, noise=0.05)
    pair = [noisy.ok(noisy.trial("onnxruntime", kind)) for kind in ("static", "dynamic")]
    sentence = what_dynamic_costs(read(noisy, *pair).rows)
    assert "In onnxruntime: no significant latency difference (" in sentence


def test_one_process_gives_no_interval(lab: Lab) -> None:
    hasty = replace(lab, processes=1)
    pair = [hasty.ok(hasty.trial("openvino", kind)) for kind in ("static", "dynamic")]
    sentence = what_dynamic_costs(read(hasty, *pair).rows)
    assert "no CI from one process" in sentence
    assert "unreliable" in sentence


def test_doubtful_sizes_are_left_out_of_the_price(lab: Lab) -> None:
    results = list(lab.sweep(("openvino",)))
    results[0] = doubtful(results[0])
    sentence = what_dynamic_costs(read(lab, *results).rows)
    assert "geometric mean of 3 sizes, 1 unreliable left out" in sentence


def test_without_a_pair_there_is_no_price(lab: Lab) -> None:
    lonely = read(lab, lab.ok(lab.trial()), lab.ok(lab.trial("onnxruntime", "dynamic")))
    assert "No comparison of dynamic" in what_dynamic_costs(lonely.rows)


def test_an_unknown_build_is_not_counted_as_none(lab: Lab) -> None:
    first, *others = lab.sweep(("openvino",))
    assert "build" not in what_dynamic_costs(read(lab, replace(first, build=None), *others).rows)


def test_unreliable_rows_are_named(lab: Lab) -> None:
    good, bad = lab.ok(lab.trial("openvino")), doubtful(lab.ok(lab.trial("onnxruntime")))
    refused = lab.bad(lab.trial("torch_eager"), "unsupported")
    assert what_is_unreliable(read(lab, good).rows) == "The only measured row is reliable."
    assert what_is_unreliable(read(lab, good, bad, refused).rows) == (
        "Unreliable: 1 of 2 measured rows, onnxruntime static at 128×128 (other programs busy "
        "during 50 % of its blocks, limit 25 %). Stop other programs and measure into a new folder "
        "(--out). Not measured: 1 row (1 unsupported: unsupported_size)."
    )
    assert what_is_unreliable(read(lab, refused).rows) == (
        "Not measured: 1 row (1 unsupported: unsupported_size)."
    )


def test_many_doubtful_rows_are_counted_by_their_reasons(lab: Lab) -> None:
    hasty = replace(lab, processes=2)
    results = [doubtful(result) for result in hasty.sweep()]
    sentence = what_is_unreliable(read(hasty, *results).rows)
    assert sentence.startswith("Unreliable: 16 of 16 measured rows, 16 with too few processes")
    assert "16 with background load" in sentence
    assert "openvino static and 1 more). Measure in 3 processes or more (--processes)." in sentence
    assert sentence.endswith(" Stop other programs and measure into a new folder (--out).")


def test_every_kind_of_warning_has_its_words() -> None:
    assert set(KINDS) == set(get_args(DoubtCode))


STATES = ("ok", "bare", "doubtful", "unsupported", "failed", "invalid", "absent")
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
        hasty = replace(lab, processes=processes, rounds=2)
        trial = hasty.trial(backend, strategy, size, sizes=(SMALL, LARGE))  # type: ignore[arg-type]
        if state in ("unsupported", "failed", "invalid"):
            results.append(hasty.bad(trial, state))  # type: ignore[arg-type]
        elif state != "absent":
            result = hasty.ok(trial, ap=ap)
            bare = replace(result, accuracy=None, memory=None, build=None)
            results.append({"ok": result, "bare": bare, "doubtful": doubtful(result)}[state])
    return results


def expected_choice(results: list[Result]) -> str:
    """By brute force: where the first sentence must point."""
    scored = [
        (result.accuracy.ap, summarize(result), result.trial.cell)
        for result in results
        if result.accuracy is not None and result.accuracy.ap is not None
    ]
    if not scored:
        return "No recommendation: "
    best = max(ap for ap, _, _ in scored)
    near = [(s, cell) for ap, s, cell in scored if ap > best - 0.0055]
    pool = [(s, cell) for s, cell in near if s.trusted] or near
    _, cell = min(pool, key=lambda member: member[0].latency_ms)
    return f"Recommended: {cell.backend} {cell.strategy} at {times(cell.size)}, "


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(sweeps())
def test_whatever_is_missing_the_report_is_whole_and_true(
    lab: Lab, sweep: list[tuple[str, float, int]]
) -> None:
    results = made(lab, sweep)
    records = read(lab, *results)
    findings = find(records.rows)
    assert expected_choice(results) in findings[0]
    text = compose(records, findings, {})
    for sentence in findings:
        assert sentence.endswith(".")
        assert "  " not in sentence
    for broken in ("nan", "None", "inf", "Series", "/home"):
        assert broken not in text
    assert text.count("\n## ") == len(set(text.split("\n## ")[1:]))
