from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizewise.core.errors import RecordError
from sizewise.core.stats import Ratio, contrast
from sizewise.core.stats.estimates import half_width, paired_of
from sizewise.core.trials import Block, Result
from tests.sizewise.core.stats.drift import Array, Schedule
from tests.sizewise.core.stats.factory import of_medians
from tests.sizewise.core.stats.simulated import SHARED, simulate


def group(seed: int, engines: int = 4, waves: int = 8) -> Array:
    """Log medians in milliseconds [engine, wave, round]; each engine takes 5 % more than the one
    before."""
    random = np.random.default_rng(seed)
    effects = [2 + 0.05 * engine for engine in range(engines)]
    schedule = Schedule(waves=waves, rounds=4)
    return np.asarray(simulate(random, SHARED, effects, count=1, schedule=schedule).log[0])


def compare(results: Iterable[Result], *, same_file: bool = True) -> Ratio:
    """The first of two over the second, without what their group knows."""
    one, other = results
    return contrast(one, other, same_file=same_file)


def test_results_measured_by_turns_are_compared_as_arrays_are() -> None:
    log = group(1)
    results = [of_medians(engine) for engine in log]
    ratio = contrast(results[0], results[1], results)
    means = log.mean(axis=-1)
    expected = paired_of(means[0], means[1], means[2:])
    half = half_width(expected, 0.95)
    assert ratio.how == "together"
    assert ratio.waves == 8
    assert math.log(ratio.ratio) == pytest.approx(float(expected.point), abs=1e-6)
    assert ratio.width == pytest.approx(math.expm1(float(half)), rel=1e-4)


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_swapping_the_two_inverts_the_ratio(seed: int) -> None:
    results = [of_medians(engine) for engine in group(seed, engines=3)]
    there, back = (contrast(results[a], results[b], results) for a, b in ((0, 1), (1, 0)))
    assert back.ratio == pytest.approx(1 / there.ratio)
    assert there.low is not None
    assert back.high == pytest.approx(1 / there.low)
    assert back.p == pytest.approx(there.p)
    assert there.inverse().inverse().low == pytest.approx(there.low)


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_drift_that_both_share_cancels(seed: int) -> None:
    log = group(seed, engines=2)
    drift = np.random.default_rng(seed + 1).normal(0, 0.2, log.shape[1:])
    still = compare(of_medians(one) for one in log)
    drifting = compare(of_medians(one + drift) for one in log)
    assert drifting.ratio == pytest.approx(still.ratio, rel=1e-4)
    assert drifting.low == pytest.approx(still.low, rel=1e-3)


def test_only_waves_that_both_have_count() -> None:
    log = group(2, engines=2, waves=12)
    short = contrast(of_medians(log[0]), of_medians(log[1, 3:9], first_wave=3))
    expected = compare(of_medians(one[3:9]) for one in log)
    assert short.waves == 6
    assert (short.ratio, short.low) == pytest.approx((expected.ratio, expected.low))


def test_one_wave_shows_nothing() -> None:
    log = group(7, engines=2)[:, :1]
    assert compare(of_medians(one) for one in log).how == "apart"


def test_a_round_counts_by_the_first_attempt_that_nothing_disturbed() -> None:
    log = group(10, engines=2)

    def retried(engine: Array) -> tuple[Block, ...]:
        good = of_medians(engine).blocks
        bad = (replace(b, disturbed=("load",), latency_ns=(1, 1, 1)) for b in good)
        return (*bad, *(replace(b, attempt=1) for b in good))

    results = [of_medians(one) for one in log]
    again = [replace(r, blocks=retried(e)) for r, e in zip(results, log, strict=True)]
    assert compare(again) == compare(results)
    assert not compare(again).disturbed


def test_waves_whose_rounds_were_all_disturbed_count_while_too_few_others_do() -> None:
    log = group(11, engines=2)

    def with_clean_waves(count: int) -> Ratio:
        return compare(
            of_medians(one, disturbed=lambda wave, _: ("steal",) if wave >= count else ())
            for one in log
        )

    marked, mended = with_clean_waves(3), with_clean_waves(7)
    assert (marked.disturbed, marked.waves) == (True, 8)
    assert (mended.disturbed, mended.waves) == (False, 7)
    assert mended == compare(of_medians(one[:7]) for one in log)


@pytest.mark.parametrize(
    ("rounds", "share", "crowded"), [(4, 0.3, True), (1, 0.9, False), (4, 0.2, False)]
)
@pytest.mark.parametrize("how", ["together", "anchored"])
def test_others_crowd_a_ratio_where_they_take_much_in_half_of_the_rounds(
    rounds: int, share: float, crowded: bool, how: str
) -> None:
    def beside(result: Result) -> Result:
        blocks = (
            replace(b, taken=share if b.round < rounds else 0.0, anchor_ns=1e6, anchor="anchor")
            for b in result.blocks
        )
        return replace(result, blocks=tuple(blocks))

    one, other = (of_medians(engine) for engine in group(13, engines=2))
    for pair in ((one, beside(other)), (beside(one), beside(other))):
        quiet = [beside(r) if how == "anchored" and r is one else r for r in pair]
        ratio = compare(quiet, same_file=how == "together")
        assert (ratio.how, ratio.crowded) == (how, crowded)
        assert ratio.inverse().crowded == crowded


def test_builds_that_differ_are_what_repeats() -> None:
    log = group(12, engines=2, waves=12)
    log[1, :4] += 0.5
    log[1, 8:] -= 0.5
    ratio = compare(of_medians(one, rebuild=lambda wave: wave // 4) for one in log)
    alike = contrast(of_medians(log[0]), of_medians(log[1]))
    assert ratio.degrees == 2
    assert alike.degrees == 11


def test_a_result_without_samples_has_no_ratio() -> None:
    one = of_medians(group(13, engines=1)[0])
    empty = replace(one, blocks=(), status="failed")
    with pytest.raises(RecordError, match="filed as failed"):
        contrast(one, empty)
