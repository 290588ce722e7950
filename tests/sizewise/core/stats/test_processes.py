"""Figures that each process has one of, held against SciPy's t interval and against the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as reference

from sizewise.core.stats import process_mean, process_ratio
from tests.sizewise.core.stats.drift import Array


def waves(values: Array) -> dict[int, float]:
    return {wave + 7: float(value) for wave, value in enumerate(values)}


def test_the_interval_is_students_t_on_logarithms() -> None:
    values = np.exp(np.random.default_rng(1).normal(15, 0.2, 5))
    logs = np.log(values)
    expected = reference.t.interval(0.95, 4, logs.mean(), reference.sem(logs))
    found = process_mean(waves(values), {})
    assert found is not None
    assert found.point == pytest.approx(reference.gmean(values))
    assert (found.low, found.high) == pytest.approx(tuple(np.exp(expected)))


def test_two_processes_are_too_few_for_an_interval() -> None:
    assert process_mean({}, {}) is None
    two = process_mean({1: 4.0, 2: 9.0}, {})
    assert two is not None
    assert two.point == pytest.approx(6)
    assert (two.low, two.high) == (None, None)
    ratio = process_ratio({1: 4.0, 2: 9.0, 3: 1.0}, {1: 2.0, 2: 2.0}, {})
    assert (ratio.low, ratio.p, ratio.waves, ratio.how) == (None, None, 2, "apart")


def test_disturbed_processes_are_left_out_where_enough_others_are_there() -> None:
    """As those of latencies: at least three others, and as many as disturbed ones."""
    ours, theirs = (np.array([9.0, 9.0, 2.0, 2.1, 1.9, 2.0]), np.array([3.0, 1.0, 1.0, 1.1, 1, 1]))
    clean = process_mean(waves(ours[:5]), {}, disturbed={7, 8})
    assert clean is not None
    assert clean.point == pytest.approx(reference.gmean(ours[2:5]))
    ratio = process_ratio(waves(ours), waves(theirs), {}, disturbed={7, 8})
    assert (ratio.waves, ratio.disturbed) == (4, False)
    assert ratio.ratio == pytest.approx(reference.gmean(ours[2:] / theirs[2:]))
    few = process_mean(waves(ours[:4]), {}, disturbed={7, 8})
    assert few is not None
    assert few.point == pytest.approx(reference.gmean(ours[:4]))
    marked = process_ratio(waves(ours), waves(theirs), {}, disturbed={7, 8, 9, 10})
    assert (marked.waves, marked.disturbed) == (6, True)
    assert process_ratio(waves(ours), waves(theirs), {}, disturbed={99}).disturbed is False


def test_builds_that_differ_are_what_repeats() -> None:
    values = np.array([1.0, 1.01, 2.0, 2.01, 4.0, 4.01])
    rebuilds = {wave + 7: wave // 2 for wave in range(6)}
    found, builds = process_mean(waves(values), rebuilds), np.log(values).reshape(3, 2).mean(axis=1)
    expected = reference.t.interval(0.95, 2, builds.mean(), reference.sem(builds))
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(np.exp(expected)))


def test_95_of_100_intervals_hold_the_truth() -> None:
    """Of 2,000, fewer than 93.5 % or more than 96.5 % would be a chance of 1 in 500."""
    random = np.random.default_rng(3)
    ours, theirs = (np.exp(random.normal(0, 0.1, (2000, 5))) for _ in range(2))
    slow = np.exp(random.normal(0, 0.5, (2000, 5)))
    means = [process_mean(waves(one), {}) for one in ours]
    held = [one.low < 1 < one.high for one in means if one and one.low and one.high]
    assert len(held) == len(means)
    assert 0.935 < np.mean(held) < 0.965
    ratios = [
        process_ratio(waves(1.1 * a * s), waves(b * s), {})
        for a, b, s in zip(ours, theirs, slow, strict=True)
    ]
    covered = [r.low < 1.1 < r.high for r in ratios if r.low is not None and r.high is not None]
    assert len(covered) == len(ratios)
    assert 0.935 < np.mean(covered) < 0.965


def test_what_slows_down_a_wave_is_not_in_a_ratio() -> None:
    calm, slow = np.array([2.0, 2.02, 1.98, 2.01]), np.array([1.0, 3.0, 1.5, 9.0])
    ratio = process_ratio(waves(1.5 * calm * slow), waves(2 * slow), {})
    assert ratio.low is not None
    assert ratio.high is not None
    assert 1.45 < ratio.low < 1.5 < ratio.high < 1.55
    assert ratio.p is not None
    assert ratio.p < 1e-4
