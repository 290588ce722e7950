"""Comparisons are computed once, judged together, and never made where they can't be."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reports.analysis.judged import Judged
from reports.analysis.means import mean_ratio
from reports.analysis.pairs import by_backend, tied
from reports.analysis.ratios import per_image
from reports.choice.deciding import decide
from reports.findings.find import find
from reports.load import Records, select_records
from reports.method.describe import method
from reports.tables.by_size import latency_table
from reports.text.verdicts import details, lead, price, ratio_cell
from sizewise.core.specs import Size
from sizewise.core.stats import RIGORS, Ratio, contrast, verdicts
from tests.reports.conftest import SIZES, Lab
from tests.reports.scripted import crowded, slower, steady

if TYPE_CHECKING:
    from sizewise.core.trials import Result

STANDARD = RIGORS["standard"]


def read(lab: Lab, *results: Result) -> Records:
    return select_records([lab.run(results)], "x")


def apart(records: Records) -> list[Judged]:
    return [one for one in records.verdicts.all if one.verdict is None]


def test_engines_are_paired_by_all_but_their_strategy(lab: Lab) -> None:
    static, dynamic = lab.ok(lab.trial()), lab.ok(lab.trial(strategy="dynamic"))
    strangers = [
        lab.ok(lab.trial(strategy="dynamic", threads=1)),
        lab.ok(lab.trial(strategy="dynamic", size=Size(192, 192))),
        lab.ok(lab.trial("onnxruntime", "dynamic")),
        lab.bad(lab.trial("onnxruntime")),
    ]
    (found,) = read(lab, static, dynamic, *strangers).verdicts.pairs
    together = [one for one in (static, dynamic, *strangers) if one.blocks]
    beside = [one for one in together if one.trial.cell.size == SIZES[0]]
    wanted = contrast(static, dynamic, beside).inverse()
    assert (found.judged.ratio.ratio, found.judged.ratio.low) == pytest.approx(
        (wanted.ratio, wanted.low)
    )
    assert (found.row.result, found.static.result) == (dynamic, static)


def test_the_ratio_is_that_of_the_dynamic_engine(lab: Lab) -> None:
    found = read(lab, *lab.sweep()).verdicts
    costs = by_backend(found.pairs)
    assert set(costs) == {"onnxruntime", "openvino"}
    judged = found.mean(costs["openvino"])
    assert judged.verdict == "SLOWER"
    assert judged.ratio.low is not None
    assert judged.ratio.high is not None
    assert judged.ratio.low < 1.12 < judged.ratio.high
    assert found.mean(costs["onnxruntime"]).verdict == "SAME"


def test_the_family_is_all_pairs_of_a_size_and_is_judged_as_one(lab: Lab) -> None:
    results = [replace(result, accuracy=None) for result in lab.sweep()]
    found = read(lab, *results).verdicts
    pairs, means = len(SIZES) * math.comb(4, 2), 2
    assert len(found.all) == pairs + means
    alone = [verdicts([one.ratio], STANDARD)[0] for one in found.all]
    together = verdicts([one.ratio for one in found.all], STANDARD)
    assert [one.verdict for one in found.all] == list(together)
    assert {one.verdict for one in found.all} >= {"FASTER", "SAME"}
    # Among others, a pair has to be as certain as they are.
    weak = [one for one, verdict in zip(found.all, alone, strict=True) if verdict != one.verdict]
    assert all(not one.certain for one in weak)


def test_a_pair_is_judged_once_whichever_way_it_is_asked_for(lab: Lab) -> None:
    records = read(lab, *lab.sweep(sizes=SIZES[:1]))
    for a, b in itertools.permutations(records.rows, 2):
        there, back = records.verdicts.of(a, b), records.verdicts.of(b, a)
        assert there.ratio.ratio * back.ratio.ratio == pytest.approx(1)
        assert {there.verdict, back.verdict} in ({"SAME"}, {"FASTER", "SLOWER"}, {"UNCLEAR"})


def test_what_is_not_spoken_of_has_no_verdict(lab: Lab) -> None:
    small = replace(lab.ok(lab.trial()), accuracy=None)
    large = replace(lab.ok(lab.trial(size=SIZES[1])), accuracy=None)
    records = read(lab, small, large)
    with pytest.raises(KeyError):
        records.verdicts.of(*records.rows)


def test_apart_in_time_without_an_anchor_there_is_never_a_verdict() -> None:
    """The machine was twice as slow when the second engine was measured."""
    first, later = Lab(anchored=False), Lab(anchored=False, session=2)
    one = first.ok(first.trial())
    other = slower(later.ok(later.trial("onnxruntime")), 2)
    records = read(first, one, other)
    assert len(apart(records)) == len(records.verdicts.all) == 1
    (judged,) = records.verdicts.all
    assert price(judged, STANDARD) == "measured apart, no verdict"
    assert "faster" not in lead(judged, STANDARD)
    assert ratio_cell(judged).endswith(" apart")


def test_the_anchor_ties_sizes_and_runs() -> None:
    first, later = Lab(), Lab(session=2)
    fast = first.ok(first.trial())
    slow = slower(later.ok(later.trial("torch_eager")), 1.0)
    (judged,) = read(first, fast, slow).verdicts.all
    assert (judged.ratio.how, judged.verdict) == ("anchored", "FASTER")


def test_an_earlier_harness_is_never_compared_with_this_one(lab: Lab) -> None:
    old = replace(lab, harness=1)
    rows = [old.ok(old.trial()), lab.ok(lab.trial()), lab.ok(lab.trial("onnxruntime"))]
    records = read(lab, *rows)
    assert len(records.verdicts.all) == 1
    assert len(records.verdicts.contests) == 2
    assert sorted(len(contest.rows) for contest in records.verdicts.contests) == [1, 2]


def test_a_disturbed_row_keeps_its_verdict_and_that_is_said(lab: Lab) -> None:
    pair = [
        lab.ok(lab.trial("openvino", strategy), disturbed=("load",))
        for strategy in ("static", "dynamic")
    ]
    (found,) = read(lab, *pair).verdicts.pairs
    assert found.judged.verdict == "SLOWER"
    assert found.judged.ratio.disturbed
    assert ratio_cell(found.judged).startswith("**1.1")
    assert ratio_cell(found.judged).endswith(" †")


def test_batches_compare_by_image(lab: Lab) -> None:
    one = lab.ok(lab.trial(), ap=0.5)
    eight = slower(lab.ok(lab.trial(batch_size=8), ap=0.5), 0.9)
    records = read(lab, one, eight)
    judged = records.verdicts.of(records.rows[1], records.rows[0])
    assert judged.ratio.ratio == pytest.approx(0.9, rel=0.02)
    assert judged.verdict == "FASTER"


def test_a_ratio_of_images_is_as_certain_as_its_distance_from_1_says() -> None:
    ratio = Ratio(ratio=8.0, low=7.9, high=8.1, how="together", p=0.0, error=0.005, degrees=4)
    assert per_image(ratio, 1 / 8).p == pytest.approx(1)
    assert per_image(ratio, 1) is ratio
    far = per_image(ratio, 1 / 4)
    assert far.p is not None
    assert far.p < 1e-4


def ratio(value: float, error: float | None) -> Ratio:
    if error is None:
        return Ratio(ratio=value)
    half = 2.776 * error
    low, high = value * math.exp(-half), value * math.exp(half)
    return Ratio(
        ratio=value, low=low, high=high, how="together", p=0.5, error=error, degrees=4, waves=5
    )


def test_the_mean_of_one_pair_is_the_pair() -> None:
    one = ratio(1.1, 0.01)
    assert mean_ratio([one]) is one


def test_the_mean_is_geometric_and_has_no_interval_where_a_pair_has_none() -> None:
    mean = mean_ratio([ratio(0.5, None), ratio(2.0, 0.01)])
    assert mean.ratio == pytest.approx(1.0)
    assert (mean.low, mean.p, mean.how) == (None, None, "apart")
    assert verdicts([mean], STANDARD) == (None,)


def test_the_mean_is_known_better_than_its_pairs() -> None:
    """Four independent ratios: the standard error halves, and so the p value falls."""
    each = ratio(1.02, 0.01)
    mean = mean_ratio([each] * 4)
    assert mean.ratio == pytest.approx(1.02)
    assert mean.error == pytest.approx(0.005)
    assert mean.degrees == pytest.approx(16)
    interval = mean.log_interval(0.95)
    assert interval is not None
    assert mean.low is not None
    assert interval[0] == pytest.approx(math.log(mean.low))


def test_pairs_that_were_measured_apart_stand_in_no_mean(lab: Lab) -> None:
    (one, *_) = read(lab, *lab.sweep()).verdicts.pairs
    lonely = replace(one, judged=Judged(ratio=Ratio(ratio=3.0), verdict=None))
    assert list(tied([lonely, one])) == [one]
    assert list(tied([lonely])) == [lonely]


def test_equal_engines_are_seldom_told_apart(lab: Lab) -> None:
    """A/A: of reports with six equal engines, two in a hundred may name a difference; of these 60,
    more than four would be a chance of 1 %."""
    short, rng = replace(lab, rounds=1), np.random.default_rng(5)
    equal = [short.ok(short.trial(replica=n)) for n in range(6)]
    wrong = 0
    for _ in range(60):
        results = [steady(one, np.exp(rng.normal(0, 0.01, lab.processes))) for one in equal]
        wrong += any(judged.certain for judged in read(lab, *results).verdicts.all)
    assert wrong <= 4


def test_a_difference_is_said_with_its_size_and_what_is_not_known_with_its_width() -> None:
    said = {
        "SLOWER": Judged(ratio=ratio(1.139, 0.004), verdict="SLOWER"),
        "SAME": Judged(ratio=ratio(1.002, 0.004), verdict="SAME"),
        "UNCLEAR": Judged(ratio=ratio(1.01, 0.02), verdict="UNCLEAR"),
    }
    assert [price(one, STANDARD) for one in said.values()] == [
        "+13.9 % latency",
        "the same latency within ±2 %",
        "not decided",
    ]
    assert details(said["SLOWER"]) == ["95 % CI +12.6 % to +15.2 %"]
    assert details(said["SAME"]) == ["+0.2 %", "95 % CI −0.9 % to +1.3 %"]
    assert details(said["UNCLEAR"]) == ["+1.0 %", "95 % CI −4.5 % to +6.8 %"]
    assert lead(said["SLOWER"].inverse(), STANDARD) == "1.14× (95 % CI 1.13–1.15) faster than"
    assert lead(said["SAME"], STANDARD) == "as fast within ±2 % as"
    assert lead(said["UNCLEAR"], STANDARD).startswith("not decided (0.99× (95 % CI ")


def test_where_others_took_much_of_the_cores_no_difference_is_named(lab: Lab) -> None:
    """One engine waits for its threads longer than the other: it seems 20 times as slow."""
    fast, slow = lab.ok(lab.trial()), slower(lab.ok(lab.trial("onnxruntime")), 20)
    assert {one.verdict for one in read(lab, fast, slow).verdicts.all} == {"FASTER"}
    records = read(lab, crowded(fast), crowded(slow))
    assert {one.verdict for one in records.verdicts.all} == {"UNCLEAR"}
    said = " ".join((*decide(records), *find(records)))
    assert said.startswith("No answer yet: the fastest so far is openvino static at 128×128")
    assert "Others took 90 % of the cores while this ran (median over rounds): neither " in said
    assert "take the ratios" not in said
    assert " Nothing is decided by 1 of them: others took 25 % of the cores" in method(records)
    assert "**" not in latency_table(records.verdicts)
    some = read(lab, crowded(fast), slow, lab.ok(lab.trial("torch_eager")))
    assert "in 1 of 3 rows): neither" in " ".join(find(some))
    assert {"UNCLEAR", "SLOWER"} == {one.verdict for one in some.verdicts.all}


def test_a_mean_holds_where_each_of_its_ratios_does() -> None:
    sound = ratio(1.5, 0.01)
    assert verdicts([mean_ratio([sound, sound])], STANDARD) == ("SLOWER",)
    assert verdicts([mean_ratio([sound, replace(sound, crowded=True)])], STANDARD) == ("UNCLEAR",)
