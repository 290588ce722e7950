from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from exporter.calibration.distribution import BINS, Distribution, count_magnitudes


@settings(deadline=None)
@given(arrays(np.int64, st.integers(1, 300), elements=st.integers(-(2**20), 2**20)))
def test_counts_are_those_of_a_histogram(steps: np.typing.NDArray[np.int64]) -> None:
    # Of a range that is a power of two every bin edge is exact, so the two must not differ.
    values = np.append(steps, 2**20).astype(np.float32) / 2**16
    expected, _ = np.histogram(np.abs(values), BINS, range=(0, 16))
    np.testing.assert_array_equal(count_magnitudes(values, 16.0), expected)


@settings(deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 50)),
        elements=st.floats(-(2.0**127), 2.0**127, width=32),
    ).filter(lambda values: bool(values.any()))
)
def test_every_value_is_counted_whatever_its_magnitude(
    values: np.typing.NDArray[np.float32],
) -> None:
    absmax = float(np.abs(values).max())
    counts = count_magnitudes(values, absmax)
    assert counts.shape == (BINS,)
    assert counts.sum() == values.size
    assert counts[-1] >= 1


def test_many_values_are_counted_once_each() -> None:
    values = np.linspace(-1, 1, 300_001, dtype=np.float32)
    counts = count_magnitudes(values, 1.0)
    assert counts.sum() == values.size
    assert abs(counts - values.size / BINS).max() < 3


def test_exact_zeros_can_be_left_out() -> None:
    counts = np.zeros(BINS, np.int64)
    counts[[0, 7]] = 10, 5
    observed = Distribution(absmax=1.0, counts=counts, zeros=8)
    assert observed.nonzero[[0, 7]].tolist() == [2, 5]
    assert observed.counts[0] == 10
