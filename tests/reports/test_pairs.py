from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reports.analysis.pairs import best_mean, best_of, by_backend, find_pairs, geometric_mean
from reports.load import Records, select_records
from sizewise.core.specs import Size
from sizewise.core.stats import Ratio, compare_results

if TYPE_CHECKING:
    from tests.reports.conftest import Lab


def read(lab: Lab, *results: object) -> Records:
    return select_records([lab.run(results)], "x")  # type: ignore[arg-type]


def ratio(value: float, low: float | None, high: float | None) -> Ratio:
    return Ratio(ratio=value, low=low, high=high, verdict="unclear", paired=True)


def test_engines_are_paired_by_all_but_their_strategy(lab: Lab) -> None:
    static, dynamic = lab.ok(lab.trial()), lab.ok(lab.trial(strategy="dynamic"))
    strangers = [
        lab.ok(lab.trial(strategy="dynamic", threads=1)),
        lab.ok(lab.trial(strategy="dynamic", size=Size(192, 192))),
        lab.ok(lab.trial("onnxruntime", "dynamic")),
        lab.bad(lab.trial("onnxruntime")),
    ]
    (found,) = find_pairs(read(lab, static, dynamic, *strangers).rows)
    assert found.ratio == compare_results(dynamic, static)
    assert (found.row.result, found.static.result) == (dynamic, static)


def test_the_ratio_is_that_of_the_dynamic_engine(lab: Lab) -> None:
    costs = by_backend(find_pairs(read(lab, *lab.sweep()).rows))
    assert set(costs) == {"onnxruntime", "openvino"}
    mean = best_mean(costs["openvino"])
    assert mean.low is not None
    assert mean.high is not None
    assert mean.low < 1.12 < mean.high
    assert mean.count == 4


def test_the_mean_of_one_pair_is_the_pair() -> None:
    mean = geometric_mean([ratio(1.1, 1.0, 1.21)])
    assert (mean.ratio, mean.low, mean.high) == pytest.approx((1.1, 1.0, 1.21))


def test_the_mean_is_geometric_and_has_no_interval_where_a_pair_has_none() -> None:
    mean = geometric_mean([ratio(0.5, None, None), ratio(2.0, 1.9, 2.1)])
    assert mean.ratio == pytest.approx(1.0)
    assert (mean.low, mean.high) == (None, None)


def test_the_interval_of_the_mean_covers_what_it_says() -> None:
    """Four sizes, three processes each: at least 95% of 2,000 intervals hold the true value."""
    from scipy.stats import t

    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(2000):
        logs = rng.normal(math.log(1.1), 0.02, (4, 3))
        halves = t.ppf(0.975, 2) * logs.std(axis=1, ddof=1) / math.sqrt(3)
        ratios = [
            ratio(math.exp(m), math.exp(m - h), math.exp(m + h))
            for m, h in zip(logs.mean(axis=1), halves, strict=True)
        ]
        mean = geometric_mean(ratios)
        assert mean.low is not None
        assert mean.high is not None
        covered += mean.low <= 1.1 <= mean.high
    assert covered >= 0.95 * 2000


def test_unreliable_pairs_count_only_where_there_is_nothing_better(lab: Lab) -> None:
    good, *_ = find_pairs(read(lab, *lab.sweep()).rows)
    bad = replace(good, ratio=replace(good.ratio, paired=False))
    assert list(best_of([bad, good])) == [good]
    assert list(best_of([bad])) == [bad]
