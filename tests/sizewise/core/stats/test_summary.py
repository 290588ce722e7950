from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as reference

from sizewise.core.errors import RecordError
from sizewise.core.stats import CALLS_FOR_P90, CALLS_FOR_P99, contrast, summarize
from sizewise.core.trials import Result
from tests.sizewise.core.stats.drift import Array
from tests.sizewise.core.stats.factory import block, result


def draw(seed: int, waves: int = 8, rounds: int = 4, calls: int = 5) -> Array:
    """Nanoseconds around 10 ms: 1 % offset per process, 1.5 % noise per call."""
    random = np.random.default_rng(seed)
    offsets = random.normal(0, 0.01, (waves, 1, 1))
    return 1e7 * np.exp(offsets + random.normal(0, 0.015, (waves, rounds, calls)))


def test_the_interval_is_students_t_on_process_means() -> None:
    latency = draw(1)
    means = np.log(np.median(np.rint(latency), axis=2)).mean(axis=1)
    expected = reference.t.interval(0.95, 7, means.mean(), reference.sem(means))
    row = summarize(result(latency)).latency_ms
    assert row.point == pytest.approx(np.exp(means.mean()) / 1e6)
    assert (row.low, row.high) == pytest.approx(np.exp(expected) / 1e6)


def test_cold_calls_are_told_and_stand_in_no_figure() -> None:
    latency = draw(2, calls=20)
    plain = result(latency)
    cold = replace(
        plain,
        blocks=tuple(
            replace(b, latency_ns=(2 * b.latency_ns[0], 2 * b.latency_ns[1], *b.latency_ns), cold=2)
            for b in plain.blocks
        ),
    )
    warm, row = summarize(plain), summarize(cold)
    assert (warm.cold_calls, warm.first_cold) == (0, None)
    assert row.cold_calls == 64
    assert row.first_cold == pytest.approx(2, rel=0.01)
    assert replace(row, cold_calls=0, first_cold=None) == warm


def test_tails_are_not_given_where_there_are_too_few_calls() -> None:
    for calls, tails in ((63, 0), (64, 1), (661, 1), (662, 2)):
        latency = np.random.default_rng(3).normal(1e7, 1e5, (1, 1, calls))
        row = summarize(result(latency))
        assert (row.p90_ms is not None) + (row.p99_ms is not None) == tails
    assert (CALLS_FOR_P90, CALLS_FOR_P99) == (64, 662)


def test_tails_are_those_of_all_warm_calls_and_lie_in_their_intervals() -> None:
    latency = draw(4, waves=8, rounds=12, calls=10)
    row = summarize(result(latency))
    for q, tail in ((0.9, row.p90_ms), (0.99, row.p99_ms)):
        assert tail is not None
        assert tail.low is not None
        assert tail.high is not None
        assert tail.point == pytest.approx(np.quantile(np.rint(latency), q) / 1e6)
        assert tail.low < tail.point < tail.high


def test_the_rate_is_of_the_time_that_all_calls_take() -> None:
    latency = np.full((8, 2, 5), 20e6)
    latency[..., 0] = 120e6  # the median knows nothing of it
    row = summarize(result(latency, batch_size=4))
    assert row.latency_ms.point == pytest.approx(20)
    assert row.images_per_s.point == pytest.approx(4 / 0.040)


def test_slow_turns_with_few_calls_weigh_as_their_calls_do() -> None:
    fast = [block(np.full(30, 2e6), wave=wave, round=0) for wave in range(4)]
    slow = [block(np.full(10, 6e6), wave=wave, round=1) for wave in range(4)]
    row = summarize(replace(result(np.ones((1, 1, 1))), blocks=tuple(fast + slow)))
    assert row.images_per_s.point == pytest.approx(40 / 0.120)


def test_cpu_time_is_per_warm_call() -> None:
    one = block(np.array([9e7, 1e7, 1e7]), cold=1, cpu_ns=40_000_000)
    row = summarize(replace(result(np.ones((1, 1, 1))), blocks=(one,)))
    assert row.cpu_ms == pytest.approx(20)


def test_counts_are_of_what_figures_are_made_of() -> None:
    row = summarize(result(draw(5, waves=8, rounds=4, calls=5)))
    assert (row.processes, row.rounds, row.blocks, row.calls) == (8, 32, 32, 160)
    assert not row.disturbed


def test_one_process_has_no_interval_and_is_too_few() -> None:
    row = summarize(result(draw(6, waves=1)))
    assert (row.latency_ms.low, row.images_per_s.low, row.width) == (None, None, None)
    assert [one.code for one in row.disturbances] == ["few_processes"]
    assert row.disturbances[0].sentence == "measured in 1 process, at least 3 needed"


def test_disturbed_rounds_are_left_out_while_each_process_has_others() -> None:
    latency = np.full((8, 4, 5), 1e7)
    latency[:, 0] *= 3
    row = summarize(result(latency, disturbed=lambda _, number: ("load",) if number == 0 else ()))
    assert row.latency_ms.point == pytest.approx(10)
    assert (row.blocks, row.disturbed) == (24, False)


def test_a_row_of_too_few_undisturbed_processes_is_marked() -> None:
    latency = np.full((5, 4, 5), 1e7)
    row = summarize(result(latency, disturbed=lambda wave, _: ("load",) if wave > 1 else ()))
    assert row.blocks == 20
    assert [(one.code, one.sentence) for one in row.disturbances] == [
        ("load", "background load in 12 of 12 rounds of 3 of 5 processes, after 12 attempts")
    ]


def of_rounds(good: int, *, rounds: int = 12, attempts: int = 2) -> Result:
    """Three waves; in the last one so many rounds had an undisturbed attempt, the last one."""
    calls = np.full(5, 1e7)
    quiet = [block(calls, wave=w, round=n) for w in range(2) for n in range(rounds)]
    noisy = [
        block(
            calls,
            wave=2,
            round=n,
            attempt=attempt,
            disturbed=() if n < good and attempt == attempts - 1 else ("steal",),
        )
        for n in range(rounds)
        for attempt in range(attempts)
    ]
    return replace(result(np.ones((1, 1, 1))), blocks=(*quiet, *noisy))


def test_a_process_that_counts_by_few_of_its_rounds_marks_the_row() -> None:
    (found,) = summarize(of_rounds(1)).disturbances
    assert (found.code, found.sentence) == (
        "steal",
        "cores taken by the hypervisor in 11 of 12 rounds of 1 of 3 processes, after 24 attempts",
    )
    assert summarize(of_rounds(1)).blocks == 2 * 12 + 1
    assert summarize(of_rounds(5)).disturbed
    assert not summarize(of_rounds(6)).disturbed


@pytest.mark.parametrize("good", [0, 1, 5, 6, 12])
def test_a_ratio_is_marked_where_its_rows_are(good: int) -> None:
    """Three waves are too few to leave the disturbed one out."""
    one = of_rounds(good)
    other = replace(one, trial=replace(one.trial, replica=1))
    assert contrast(one, other).disturbed is summarize(one).disturbed is (good < 6)


def test_what_disturbed_a_round_that_was_measured_again_is_not_told() -> None:
    assert summarize(of_rounds(12)).disturbances == ()


def test_each_reason_has_its_own_rounds() -> None:
    calls, codes = np.full(5, 1e7), (("load",), ("load", "swap"), ("swap",), ())
    blocks = tuple(
        block(calls, wave=wave, round=number, disturbed=found if wave else ())
        for wave in range(4)
        for number, found in enumerate(codes)
    )
    row = summarize(replace(result(np.ones((1, 1, 1))), blocks=blocks))
    assert [one.sentence for one in row.disturbances] == [
        "background load in 6 of 12 rounds of 3 of 4 processes, after 12 attempts",
        "swapping in 6 of 12 rounds of 3 of 4 processes, after 12 attempts",
    ]


def test_measuring_again_mends_a_row() -> None:
    latency = np.full((16, 4, 5), 1e7)
    latency[:8] *= 3
    loud = result(latency, disturbed=lambda wave, number: ("load",) if wave < 8 and number else ())
    before = summarize(replace(loud, blocks=loud.blocks[: 11 * 4]))
    assert (before.processes, before.disturbed) == (11, True)
    row = summarize(loud)
    assert row.latency_ms.point == pytest.approx(10)
    assert (row.processes, row.left_out, row.disturbed) == (8, 8, False)
    assert (before.left_out, summarize(result(np.full((4, 4, 5), 1e7))).left_out) == (0, 0)


def test_a_code_of_a_later_version_stands_for_itself() -> None:
    row = summarize(result(np.full((4, 2, 5), 1e7), disturbed=lambda wave, _: ("moonlight",)))
    assert row.disturbances[0].sentence.startswith("moonlight in 8 of 8 rounds of 4 of 4 processes")


def test_the_last_attempts_count_where_none_was_undisturbed() -> None:
    tries = [
        block(np.full(5, 1e7 * (attempt + 1)), wave=wave, attempt=attempt, disturbed=("swap",))
        for wave in range(4)
        for attempt in range(3)
    ]
    row = summarize(replace(result(np.ones((1, 1, 1))), blocks=tuple(tries)))
    assert row.latency_ms.point == pytest.approx(30)
    assert row.disturbed


def test_a_wide_interval_is_no_disturbance() -> None:
    latency = np.full((8, 4, 5), 1e7)
    latency[::2] *= 1.5
    row = summarize(result(latency))
    assert row.width is not None
    assert row.width > 0.1
    assert not row.disturbed


def test_a_result_without_samples_has_no_row() -> None:
    empty = replace(result(np.ones((1, 1, 1))), blocks=(), status="failed")
    with pytest.raises(RecordError, match="filed as failed"):
        summarize(empty)
