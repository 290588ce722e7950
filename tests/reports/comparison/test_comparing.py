"""Two sides of a comparison: planted differences are found, equal engines stay equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest

from reports.analysis.judged import Judged
from reports.comparison.comparing import Comparison, compare_pairs
from reports.comparison.markdown import headline, markdown, sentences
from reports.comparison.pairing import pair_rows
from reports.comparison.selecting import parse_selection, selected
from reports.load import Records, select_records
from sizewise.core.errors import RecordError, UsageError
from sizewise.core.specs import Size
from sizewise.core.stats import RIGORS, Ratio
from sizewise.core.trials import Result
from tests.reports.conftest import SIZES, Lab
from tests.reports.scripted import slower

if TYPE_CHECKING:
    from collections.abc import Mapping

STANDARD = RIGORS["standard"]
WAVES = 12


def records(lab: Lab, results: Sequence[Result]) -> Records:
    return select_records([lab.run(results)], "x")


def compared(
    base: Records, new: Records, *, threshold: float = 0.02, same_file: bool = False
) -> Comparison:
    pairing = pair_rows(base.rows, new.rows)
    return compare_pairs(pairing, STANDARD, same_file=same_file, threshold=threshold)


def night(number: int, factors: Mapping[str, float] | None = None, noise: float = 0.01) -> Records:
    """The sweep of one night; calls of a back end take so many times as long."""
    lab = Lab(seed=number, session=number, processes=WAVES, noise=noise)
    results = [
        slower(result, (factors or {}).get(result.trial.cell.backend, 1.0))
        for result in lab.sweep(sizes=SIZES[:2])
    ]
    return records(lab, results)


def together(seed: int, factor: float = 1.0, noise: float = 0.01, backends: int = 2) -> Comparison:
    """Two models by turns; calls of the new one in OpenVINO take so many times as long."""
    lab = Lab(seed=seed, processes=WAVES, noise=noise)
    results = []
    for model in "ab":
        for size, backend in product(SIZES[:2], ("openvino", "onnxruntime")[:backends]):
            trial = lab.trial(backend, size=size, model_sha256=model * 64)
            grown = factor if (model, backend) == ("b", "openvino") else 1.0
            results.append(slower(lab.ok(trial), grown))
    rows = records(lab, results).rows
    base, new = (selected(rows, {"model_sha256": model * 64}) for model in "ab")
    pairing = pair_rows(base, new, {"model_sha256"})
    return compare_pairs(pairing, STANDARD, same_file=True, threshold=STANDARD.margin)


@pytest.mark.parametrize(("factor", "noise"), [(1.05, 0.01), (1.10, 0.05)])
def test_a_planted_slow_down_is_found_in_quiet_and_in_noisy_records(
    factor: float, noise: float
) -> None:
    found = [together(seed, factor, noise) for seed in range(20)]
    assert sum(one.regressed for one in found) >= 19
    wrong = [pair for one in found for pair in one.regressions if pair.new.backend != "openvino"]
    assert len(wrong) <= 1  # of 40 equal pairs: verdicts name 2 % of them by mistake
    assert all(pair.judged.ratio.how == "together" for one in found for pair in one.pairs)


def test_two_hundred_equal_pairs_stay_quiet() -> None:
    found = [together(seed, noise=0.02) for seed in range(100, 150)]
    assert sum(len(one.pairs) for one in found) == 200
    assert not any(one.regressed for one in found)


def test_nights_apart_are_tied_by_the_anchor_as_far_as_it_holds() -> None:
    """Runs may differ by 2 % for reasons that the anchor does not feel: 5 % stay in doubt."""
    small, large = (compared(night(1), night(2, {"openvino": x})) for x in (1.05, 1.15))
    assert all(pair.judged.ratio.how == "anchored" for pair in (*small.pairs, *large.pairs))
    assert not small.regressed
    assert headline(small).startswith("No answer yet: 8 engines, +2.4 %")
    assert {pair.new.backend for pair in large.regressions} == {"openvino"}
    assert headline(large).startswith("Regression: 4 engines slower by more than 2 %")


def test_a_faster_engine_is_no_regression() -> None:
    found = compared(night(1), night(2, {"openvino": 0.85}))
    assert not found.regressed
    assert any(sentence.startswith("Faster: ") for sentence in sentences(found))


def test_a_slow_down_within_the_threshold_is_named_and_no_regression() -> None:
    found = compared(night(1), night(2, {"openvino": 1.12}), threshold=0.2)
    assert not found.regressed
    assert any(sentence.startswith("Slower: ") for sentence in sentences(found))


@pytest.mark.parametrize(
    ("of_size", "said"),
    [(False, "all engines together"), (True, "engines at 96×128 together")],
)
def test_many_small_slow_downs_are_a_regression_of_all_together(of_size: bool, said: str) -> None:
    """No engine alone is certainly slower by so much, and none is counted."""
    ratio = Ratio(ratio=1.031, low=1.026, high=1.036, how="together")
    slow = Judged(ratio=ratio, verdict="SLOWER")
    quiet = together(seed=3)
    means = {"sizes": ((Size(96, 128), slow),)} if of_size else {"overall": slow}
    found = replace(quiet, threshold=0.025, **means)
    assert found.regressed
    assert headline(found) == (
        f"Regression: {said} +3.1 %, 95 % CI +2.6 % to +3.6 %, which is more than 2.5 %"
    )


def test_without_an_anchor_there_is_no_verdict() -> None:
    labs = [Lab(session=number, anchored=False) for number in (1, 2)]
    base, new = (records(lab, lab.sweep(sizes=SIZES[:1])) for lab in labs)
    found = compared(base, new)
    assert {pair.judged.verdict for pair in found.pairs} == {None}
    assert len(found.in_doubt) == len(found.pairs)
    assert headline(found).startswith("No answer yet: ")
    assert not found.regressed


def test_two_selections_of_one_file_are_compared_by_turns(lab: Lab) -> None:
    rows = records(lab, lab.sweep(sizes=SIZES[:2])).rows
    base, new = (
        selected(rows, parse_selection(f"backend={name}")) for name in ("onnxruntime", "openvino")
    )
    pairing = pair_rows(base, new, {"backend"})
    found = compare_pairs(pairing, STANDARD, same_file=True, threshold=0.02)
    assert len(found.pairs) == 4
    assert all(pair.judged.ratio.how == "together" for pair in found.pairs)
    assert {pair.judged.verdict for pair in found.pairs} == {"FASTER"}


def test_a_cell_that_is_there_twice_is_refused_by_the_column(lab: Lab) -> None:
    trials = [lab.trial(threads=threads) for threads in (1, 2)]
    rows = records(lab, [lab.ok(trial) for trial in trials]).rows
    assert len(pair_rows(rows, rows).pairs) == 2  # threads are part of the cell
    models = [lab.trial(model_sha256=letter * 64) for letter in "ab"]
    twice = records(lab, [lab.ok(trial) for trial in models]).rows
    with pytest.raises(RecordError) as refused:
        pair_rows(twice, rows)
    assert "model_sha256" in refused.value.why
    assert refused.value.todo == f"Select one of them, as model_sha256={'a' * 64}."


def test_what_only_one_side_has_is_listed(lab: Lab) -> None:
    base = records(lab, lab.sweep(("onnxruntime",), sizes=SIZES[:1]))
    new = records(lab, lab.sweep(("onnxruntime", "openvino"), sizes=SIZES[:1]))
    found = compared(base, new, same_file=True)
    assert len(found.pairing.only_new) == 2
    assert any("Only on the new side" in sentence for sentence in sentences(found))


@pytest.mark.parametrize("text", ["speed=1", "backend", "backend=a,b"])
def test_a_selection_of_no_column_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_selection(text)


def test_a_pull_request_reads_the_verdict_first() -> None:
    text = markdown(compared(night(1), night(2, {"openvino": 1.15})), "main", "this branch")
    assert text.startswith("**Regression: 4 engines slower by more than 2 %**")
    lines = text.splitlines()
    assert any("this branch against main" in line for line in lines)
    (row,) = (x for x in lines if x.startswith("| openvino static") and "128×128" in x)
    assert "SLOWER" in row
    assert "AP +0.00 points" in row
    assert sum(line.startswith("| all") for line in lines) == 3


def test_accuracy_on_the_same_images_is_beside(lab: Lab) -> None:
    trial = lab.trial(size=Size(128, 128))
    base, new = lab.ok(trial, ap=0.5), lab.ok(trial, ap=0.48)
    found = compared(records(lab, [base]), records(lab, [new]))
    (pair,) = found.pairs
    assert pair.gained is not None
    assert pair.gained.point == pytest.approx(-0.02)
    other = replace(new, accuracy=replace(new.accuracy, data_sha256="e" * 64))  # type: ignore[type-var]
    (pair,) = compared(records(lab, [base]), records(lab, [other])).pairs
    assert pair.gained is None
