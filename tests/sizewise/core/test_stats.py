from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats as reference

from sizewise.core.errors import RecordError
from sizewise.core.stats import compare_results, summarize
from tests.bench.factories import SECOND, result, trial

Samples = NDArray[np.float64]
TRUE_NS = 10e6


def draw(
    random: np.random.Generator, processes: int, rounds: int = 4, scale: float = 1.0
) -> Samples:
    """1 % offset per process, 1.5 % noise per call, 1 % of the calls 30 % slower."""
    offsets = random.normal(0, 0.01, (processes, 1, 1))
    noise = random.normal(0, 0.015, (processes, rounds, 5))
    bursts = np.where(random.random(noise.shape) < 0.01, np.log(1.3), 0)
    return scale * TRUE_NS * np.exp(offsets + noise + bursts)


samples = st.builds(
    lambda seed, processes, rounds: draw(np.random.default_rng(seed), processes, rounds),
    st.integers(0, 2**32),
    st.integers(2, 6),
    st.integers(1, 4),
)


@pytest.mark.parametrize("processes", [3, 5, 10])
def test_intervals_cover_the_truth_in_95_percent_of_the_runs(processes: int) -> None:
    random = np.random.default_rng(processes)
    runs = 1500
    covered = 0
    for _ in range(runs):
        row = summarize(result(draw(random, processes)))
        assert row.low_ms is not None
        assert row.high_ms is not None
        # Bursts move the median of five calls by 0.02 %, a fiftieth of a standard error.
        covered += row.low_ms * 1e6 <= TRUE_NS <= row.high_ms * 1e6
    assert 0.935 <= covered / runs <= 0.965


def test_the_interval_is_students_t_on_process_means() -> None:
    latency = draw(np.random.default_rng(1), processes=4)
    means = np.log(np.median(np.rint(latency), axis=2)).mean(axis=1)
    expected = reference.t.interval(0.95, 3, means.mean(), reference.sem(means))
    row = summarize(result(latency))
    assert row.latency_ms == pytest.approx(np.exp(means.mean()) / 1e6)
    assert (row.low_ms, row.high_ms) == pytest.approx(np.exp(expected) / 1e6)


def test_interleaved_results_are_compared_by_a_paired_t() -> None:
    random = np.random.default_rng(2)
    a, b = draw(random, 4), draw(random, 4, scale=1.02)
    differences = np.log(np.median(np.rint(a), axis=2) / np.median(np.rint(b), axis=2))
    expected = reference.ttest_1samp(differences.mean(axis=1), 0).confidence_interval()
    ratio = compare_results(result(a), result(b))
    assert ratio.paired
    assert (ratio.low, ratio.high) == pytest.approx((np.exp(expected.low), np.exp(expected.high)))


def test_results_apart_in_time_are_compared_by_welchs_t() -> None:
    random = np.random.default_rng(3)
    a, b = draw(random, 4), draw(random, 6)
    means = [np.log(np.median(np.rint(x), axis=2)).mean(axis=1) for x in (a, b)]
    expected = reference.ttest_ind(*means, equal_var=False).confidence_interval()
    ratio = compare_results(result(a), result(b, start_ns=1000 * SECOND))
    assert not ratio.paired
    assert (ratio.low, ratio.high) == pytest.approx((np.exp(expected.low), np.exp(expected.high)))


@given(samples, st.floats(0.5, 2.0))
@settings(deadline=None)
def test_swapping_the_two_inverts_the_ratio(latency: Samples, scale: float) -> None:
    a, b = result(latency), result(latency[:, ::-1] * scale)
    there, back = compare_results(a, b), compare_results(b, a)
    assert there.ratio * back.ratio == pytest.approx(1)
    opposite = {"faster": "slower", "slower": "faster"}
    assert back.verdict == opposite.get(there.verdict, there.verdict)


@given(samples, st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_drift_that_both_share_cancels(latency: Samples, seed: int) -> None:
    random = np.random.default_rng(seed)
    other = draw(random, *latency.shape[:2])
    drift = np.exp(random.normal(0, 0.2, (*latency.shape[:2], 1)))
    still = compare_results(result(latency), result(other))
    drifting = compare_results(result(latency * drift), result(other * drift))
    assert drifting.ratio == pytest.approx(still.ratio, rel=1e-4)
    assert drifting.low == pytest.approx(still.low, rel=1e-4)


@given(samples)
@settings(deadline=None)
def test_the_point_lies_in_its_interval(latency: Samples) -> None:
    row = summarize(result(latency))
    assert row.low_ms is not None
    assert row.high_ms is not None
    assert row.low_ms <= row.latency_ms <= row.high_ms


def test_throughput_counts_the_images_of_a_batch() -> None:
    flat = result(np.full((3, 2, 5), 20e6))
    batched = replace(flat, trial=trial(batch_size=4))
    assert summarize(flat).images_per_s == pytest.approx(50)
    assert summarize(batched).images_per_s == pytest.approx(200)


@pytest.mark.parametrize(
    ("scale", "verdict"), [(0.95, "faster"), (1.05, "slower"), (1.0, "same"), (1.01, "unclear")]
)
def test_a_difference_needs_the_whole_interval_beyond_one_percent(
    scale: float, verdict: str
) -> None:
    noise = np.random.default_rng(4).normal(0, 0.002, (5, 4, 5))
    other = np.random.default_rng(5).normal(0, 0.002, (5, 4, 5))
    ratio = compare_results(
        result(scale * TRUE_NS * np.exp(noise)), result(TRUE_NS * np.exp(other))
    )
    assert ratio.verdict == verdict


def test_one_process_shows_nothing() -> None:
    row = summarize(result(draw(np.random.default_rng(6), 1)))
    ratio = compare_results(result(np.full((1, 4, 5), 1e6)), result(np.full((1, 4, 5), 9e6)))
    assert (row.low_ms, row.high_ms) == (None, None)
    assert [d.code for d in row.doubts] == ["few_processes"]
    assert (ratio.low, ratio.verdict) == (None, "unclear")


def test_disturbed_blocks_are_left_out_while_each_process_has_others() -> None:
    latency = np.full((4, 4, 5), 10e6)
    latency[:, 0] *= 3
    row = summarize(result(latency, valid=lambda process, number: number != 0))
    assert row.latency_ms == pytest.approx(10)
    assert row.blocks == 12
    assert row.trusted


def test_a_row_of_disturbed_blocks_is_given_but_not_trusted() -> None:
    row = summarize(result(np.full((4, 4, 5), 10e6), valid=lambda process, number: False))
    assert row.latency_ms == pytest.approx(10)
    assert [d.code for d in row.doubts] == ["foreign_load"]


def test_processes_that_disagree_make_a_wide_interval() -> None:
    latency = np.full((4, 4, 5), 10e6)
    latency[::2] *= 1.5
    assert [d.code for d in summarize(result(latency)).doubts] == ["wide_interval"]


def test_pairs_are_made_of_all_blocks_where_the_valid_ones_have_no_partner() -> None:
    a = result(np.full((2, 2, 5), 10e6), valid=lambda process, number: number == 0)
    b = result(np.full((2, 2, 5), 20e6), valid=lambda process, number: number == 1)
    assert compare_results(a, b).ratio == pytest.approx(0.5)


def test_a_result_without_samples_has_no_row() -> None:
    empty = replace(result(np.full((2, 2, 5), 1e6)), blocks=(), status="failed")
    with pytest.raises(RecordError, match="filed as failed"):
        summarize(empty)
