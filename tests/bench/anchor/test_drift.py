"""The anchor's chart: few false alarms, and changes are found. All noise is simulated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.anchor.drift import LEAST, DriftChart

Noise = NDArray[np.float64]


def reported(logs: Noise) -> NDArray[np.bool_]:
    """Which of a run's rounds are reported. ``logs`` are of the anchor's block medians."""
    chart = DriftChart()
    return np.array([chart.add(2e6 * math.exp(value)) for value in logs])


def quiet(rounds: int, sd: float, seed: int = 1) -> Noise:
    return np.random.default_rng(seed).normal(0, sd, rounds)


@pytest.mark.parametrize("sd", [0.005, 0.02, 0.05, 0.12])
@pytest.mark.parametrize("freedom", [math.inf, 7.5, 4.5])
@pytest.mark.parametrize("rounds", [12, 96])
def test_at_most_two_percent_of_undisturbed_rounds_are_reported(
    sd: float, freedom: float, rounds: int
) -> None:
    """The tails of Student's t at 7.5 degrees of freedom are those of the blocks in our records of
    noisy machines (kurtosis 4.7); at 4.5 they are much heavier."""
    random = np.random.default_rng(20261126)
    shape = (960 // rounds, rounds)
    noise = random.normal(0, sd, shape)
    if math.isfinite(freedom):
        noise = random.standard_t(freedom, shape) * sd / math.sqrt(freedom / (freedom - 2))
    assert np.mean([reported(run) for run in noise]) <= 0.02


def test_a_burst_is_reported_and_the_rounds_after_it_are_not() -> None:
    logs = quiet(40, 0.01)
    logs[25] += math.log(1.12)
    assert np.flatnonzero(reported(logs)).tolist() == [25]


@pytest.mark.parametrize("factor", [1.1, 0.9, 1.5, 3.0])
def test_a_change_that_stays_is_reported_until_it_is_known(factor: float) -> None:
    """Three times, so that of the four attempts at a round the last one counts."""
    logs = quiet(60, 0.01)
    logs[30:] += math.log(factor)
    assert np.flatnonzero(reported(logs)).tolist() == [30, 31, 32]


@pytest.mark.parametrize("each", [0.01, -0.01])
def test_a_slow_drift_is_reported(each: float) -> None:
    logs = quiet(60, 0.005)
    logs[20:] += each * np.arange(40)
    found = np.flatnonzero(reported(logs))
    assert 20 < found[0] <= 30
    assert 2 <= len(found) <= 10


def test_the_first_rounds_are_never_reported() -> None:
    assert not reported(np.array([0.0, 1.0, -1.0, 0.5, 2.0])).any()


@given(
    shares=st.lists(st.floats(-LEAST / 2.01, LEAST / 2.01), min_size=1, max_size=80),
    burst=st.floats(1.3, 100),
)
@settings(max_examples=40)
def test_small_changes_never_and_great_ones_always(shares: list[float], burst: float) -> None:
    """Within half of the least on either side nothing is so far from a median, if it does not add
    up to a change that stays."""
    rounds = np.log1p(np.array(shares) / 4)
    assert not reported(rounds).any()
    logs = np.append(np.resize(rounds, 20), math.log(burst))
    assert reported(logs)[-1]


@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
@settings(max_examples=40)
def test_the_unit_of_time_is_of_no_matter(scale: float, seed: int) -> None:
    logs = quiet(30, 0.1, seed)
    assert (reported(logs) == reported(logs + math.log(scale))).all()
