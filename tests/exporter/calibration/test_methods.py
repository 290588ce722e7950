from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from exporter.calibration.distribution import BINS, Distribution, count_magnitudes
from exporter.calibration.method import Method, find_method, methods
from exporter.calibration.methods.entropy import LEVELS, divergences, entropy_threshold
from exporter.calibration.methods.mse import STEPS, mse_threshold, squared_errors
from exporter.calibration.methods.percentile import percentile_threshold
from sizewise.core.errors import UsageError

Draw = Callable[[np.random.Generator], NDArray[np.float64]]

SHAPES: dict[str, Draw] = {
    "normal": lambda random: random.standard_normal(20_000),
    "laplace": lambda random: random.laplace(size=20_000),
    "uniform": lambda random: random.uniform(-1, 1, 20_000),
    "relu": lambda random: np.maximum(random.standard_normal(20_000), 0),
    "few": lambda random: random.standard_normal(5),
    "two": lambda random: random.choice([-0.5, 1.0], 100),
}
EVERY = [pytest.param(method, id=name) for name, method in methods().items()]


def observed(values: NDArray[Any]) -> Distribution:
    absmax = float(np.abs(values).max())
    return Distribution(
        absmax=absmax,
        counts=count_magnitudes(values, absmax),
        zeros=int((values == 0).sum()),
    )


distributions = st.builds(
    lambda shape, seed: observed(SHAPES[shape](np.random.default_rng(seed))),
    st.sampled_from(sorted(SHAPES)),
    st.integers(0, 2**32),
)
any_counts = arrays(np.int64, BINS, elements=st.integers(0, 10**9), fill=st.integers(0, 1)).map(
    lambda counts: np.append(counts[:-1], counts[-1] + 1)
)


def test_each_is_found_by_its_name() -> None:
    assert set(methods()) == {"minmax", "percentile", "entropy", "mse"}
    assert all(find_method(name).name == name for name in methods())
    assert [name for name, one in methods().items() if not one.needs_histogram] == ["minmax"]


def test_an_unknown_one_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"'mean'.*entropy, minmax, mse, percentile"):
        find_method("mean")


@pytest.mark.parametrize("method", EVERY)
def test_a_tensor_of_zeros_has_no_threshold(method: Method) -> None:
    assert method.threshold(Distribution(absmax=0.0)) == 0


@pytest.mark.parametrize("method", EVERY)
@settings(deadline=None, max_examples=40)
@given(counts=any_counts, absmax=st.floats(1e-30, 1e30))
def test_a_threshold_lies_within_what_was_seen(
    method: Method, counts: NDArray[np.int64], absmax: float
) -> None:
    assert 0 < method.threshold(Distribution(absmax=absmax, counts=counts)) <= absmax


@pytest.mark.parametrize("method", EVERY)
@settings(deadline=None, max_examples=40)
@given(one=distributions, factor=st.floats(1e-6, 1e6))
def test_a_threshold_scales_with_the_values(
    method: Method, one: Distribution, factor: float
) -> None:
    scaled = Distribution(absmax=one.absmax * factor, counts=one.counts, zeros=one.zeros)
    expected = factor * method.threshold(one)
    assert math.isclose(method.threshold(scaled), expected, rel_tol=1e-12)


@pytest.mark.parametrize("method", EVERY)
@settings(deadline=None, max_examples=20)
@given(shape=st.sampled_from(sorted(SHAPES)), seed=st.integers(0, 999), power=st.integers(-60, 60))
def test_a_threshold_scales_with_the_tensor(
    method: Method, shape: str, seed: int, power: int
) -> None:
    values = SHAPES[shape](np.random.default_rng(seed)).astype(np.float32)
    factor = np.float32(2.0) ** power
    assert method.threshold(observed(values * factor)) == factor * method.threshold(
        observed(values)
    )


@pytest.mark.parametrize("method", EVERY)
def test_how_often_a_relu_is_silent_does_not_matter(method: Method) -> None:
    values = np.abs(np.random.default_rng(0).standard_normal(50_000))
    silent = np.append(values, np.zeros(10**6))
    assert method.threshold(observed(silent)) == method.threshold(observed(values))


@settings(deadline=None)
@given(one=distributions)
def test_minmax_clips_nothing(one: Distribution) -> None:
    assert find_method("minmax").threshold(one) == one.absmax


@pytest.mark.parametrize("shape", ["normal", "laplace"])
def test_entropy_and_percentile_clip_an_outlier_and_minmax_does_not(shape: str) -> None:
    values = SHAPES[shape](np.random.default_rng(0))
    with_outlier = observed(np.append(values, 1000.0))
    assert find_method("minmax").threshold(with_outlier) == 1000
    # The narrowest candidate is LEVELS of the bins, which the outlier has made this wide.
    assert entropy_threshold(with_outlier) == 1000 * LEVELS / BINS
    assert percentile_threshold(with_outlier) <= np.abs(values).max() + 1000 / BINS


@settings(deadline=None)
@given(one=distributions, percents=st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)))
def test_more_percent_reach_no_less(one: Distribution, percents: tuple[float, float]) -> None:
    less, more = (percentile_threshold(one, percent) for percent in sorted(percents))
    assert less <= more


@settings(deadline=None)
@given(
    shape=st.sampled_from(["normal", "laplace", "uniform"]),
    seed=st.integers(0, 999),
    percent=st.floats(1, 100),
)
def test_percentiles_are_numpys_within_a_bin(shape: str, seed: int, percent: float) -> None:
    values = SHAPES[shape](np.random.default_rng(seed))
    one = observed(values)
    expected = np.percentile(np.abs(values), percent, method="inverted_cdf")
    assert abs(percentile_threshold(one, percent) - expected) <= one.absmax / BINS


def talk_divergence(counts: NDArray[np.float64], kept: int) -> float:
    """The talk's listing, bin by bin, with 1e-4 where Q has nothing for what is clipped."""
    reference = counts[:kept].copy()
    reference[-1] += counts[kept:].sum()
    candidate = np.zeros(kept)
    level_of = [place * LEVELS // kept for place in range(kept)]
    for level in range(LEVELS):
        filled = [k for k in range(kept) if level_of[k] == level and counts[k]]
        for k in filled:
            candidate[k] = sum(counts[filled]) / len(filled)
    if not candidate.any():
        return math.inf
    if not candidate[-1]:
        candidate[-1] = 1e-4
    return float(stats.entropy(reference, candidate))


@settings(deadline=None, max_examples=10)
@given(
    arrays(np.int64, st.integers(LEVELS, 2 * LEVELS), elements=st.integers(0, 30)).map(
        lambda counts: np.append(counts, 1).astype(np.float64)
    ),
    st.data(),
)
def test_divergences_are_those_of_the_talk(
    counts: NDArray[np.float64], data: st.DataObject
) -> None:
    kept, found = divergences(counts)
    place = data.draw(st.integers(0, len(kept) - 1))
    expected = talk_divergence(counts, int(kept[place]))
    assert found[place] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def onnxruntimes_threshold(values: NDArray[np.float64], bins: int) -> float:
    """Its histogram is of x and not of |x|: with bins, and levels, on both sides of 0."""
    from onnxruntime.quantization.calibrate import HistogramCollector

    absmax, levels = np.abs(values).max(), 2 * LEVELS - 1
    counts, edges = np.histogram(values, 2 * bins + 1, range=(-absmax, absmax))
    collector = HistogramCollector("entropy", True, bins, levels, 99.99, None)
    found = collector.get_entropy_threshold((counts, edges, -absmax, absmax, absmax), levels)
    return float(found[1])


@pytest.mark.parametrize("shape", ["normal", "laplace"])
def test_entropy_agrees_with_onnxruntimes_on_average(shape: str) -> None:
    """Of single samples the two differ by up to a fifth, either way: the divergence is flat about
    its minimum, and theirs leaves out the bins above the last multiple of the levels."""
    bins, ratios = 4 * LEVELS, []
    for seed in range(4):
        random = np.random.default_rng(seed)
        values = np.concatenate([SHAPES[shape](random) for _ in range(15)])
        counts, _ = np.histogram(np.abs(values), bins, range=(0, np.abs(values).max()))
        ours = entropy_threshold(Distribution(absmax=float(np.abs(values).max()), counts=counts))
        ratios.append(ours / onnxruntimes_threshold(values, bins))
    assert stats.gmean(ratios) == pytest.approx(1, abs=0.05)


def test_of_equal_thresholds_the_one_that_clips_least_is_taken() -> None:
    counts = np.zeros(BINS, np.int64)
    counts[[BINS // 2 - 1, BINS - 1]] = 50
    # Keeping one value of two, and clipping the other onto it, changes the shape no more.
    assert entropy_threshold(Distribution(absmax=1.0, counts=counts)) == 1


def quantized_error(values: NDArray[Any], threshold: float) -> float:
    scale = threshold / STEPS
    rounded = np.clip(np.rint(values / scale), -STEPS, STEPS) * scale
    return float(np.square(values - rounded).sum())


@pytest.mark.parametrize("shape", ["normal", "laplace", "uniform", "relu"])
@pytest.mark.parametrize("outlier", [1, 30])
def test_mse_errs_no_more_than_any_other_threshold(shape: str, outlier: float) -> None:
    values = SHAPES[shape](np.random.default_rng(0))
    values[0] = outlier * np.abs(values).max()
    found = quantized_error(values, mse_threshold(observed(values)))
    tried = np.linspace(0.01, 1, 300) * np.abs(values).max()
    assert found <= 1.05 * min(quantized_error(values, one) for one in tried)


@pytest.mark.parametrize("shape", ["normal", "laplace", "relu"])
def test_the_squared_error_is_that_of_the_values(shape: str) -> None:
    values = SHAPES[shape](np.random.default_rng(1))
    one = observed(values)
    errors = squared_errors(one.nonzero) * (one.absmax / BINS) ** 2
    for kept in (400, 1000, 2000):
        measured = quantized_error(values, kept / BINS * one.absmax)
        assert errors[kept - 1] == pytest.approx(measured, rel=0.05)
