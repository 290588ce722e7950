"""S-measure and E-measure, against PySODMetrics and against the papers' formulas pixel by pixel.

PySODMetrics asks for an older NumPy than ours, so ``pysodmetrics.json`` holds what its version
1.6.2 says of these masks (``step(…, normalize=False)``; of the E-measure, the mean of the curve).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from netzoo.tasks.masks.binary import MaskScores
from netzoo.tasks.masks.structure import e_measure, s_measure

Shares = NDArray[np.float64]
Where = NDArray[np.bool_]
RECORDED = json.loads(Path(__file__).with_name("pysodmetrics.json").read_text(encoding="utf-8"))
CASES = {
    "blurred": (40, 56, 3.0),
    "inverted": (40, 56, -3.0),
    "hard": (33, 21, 50.0),
    "flat": (24, 24, 0.0),
    "low": (6, 60, 0.5),
    "none": (16, 18, 2.0),
    "all": (16, 18, 2.0),
    "corner": (20, 30, 4.0),
    "pixel": (7, 5, 4.0),
}
"""Height, width, and how steep the probabilities are."""


def case(name: str) -> tuple[Shares, Where]:
    """Waves, made without a random generator, so that they are the same wherever they are made."""
    height, width, steep = CASES[name]
    y, x = np.mgrid[:height, :width]
    wave = np.sin(x / 5 + 0.3) + np.cos(y / 7) + 0.4 * np.sin(x * y / 11)
    there = wave > 0.6
    if name in ("none", "all"):
        there[:] = name == "all"
    if name in ("corner", "pixel"):
        there = (y >= height - 4) & (x >= width - 5) if name == "corner" else (y == 2) & (x == 3)
    probable = 1 / (1 + np.exp(-steep * (wave - 0.5 + 0.3 * np.sin(x / 2))))
    return np.round(probable, 6), there


@pytest.mark.parametrize("name", CASES)
def test_they_are_those_of_another_program(name: str) -> None:
    """It divides the sum of the E-measure by one pixel less; the paper does not."""
    probable, there = case(name)
    expected = RECORDED[name]
    assert s_measure(probable, there) == pytest.approx(expected["s_measure"], abs=1e-9)
    share = (there.size - 1) / there.size
    assert e_measure(probable, there) == pytest.approx(expected["mean_e_measure"] * share, abs=1e-9)


def _s_by_the_paper(probable: Shares, there: Where) -> float:
    """Fan et al. 2017: equations 2 to 8, for a mask with objects and background."""

    def similarity(found: Shares, truth: Shares) -> float:
        if truth.size == 0:
            return 0.0
        if np.ptp(truth) == 0:
            return float(np.ptp(found) == 0)
        x, y = found.mean(), truth.mean()
        covariance = np.cov(found.ravel(), truth.ravel())
        top = 4 * x * y * covariance[0, 1]
        return float(top / ((x**2 + y**2) * (covariance[0, 0] + covariance[1, 1])))

    def likeness(values: Shares) -> float:
        spread = float(np.std(values, ddof=1)) if values.size > 1 else 0.0
        return float(2 * values.mean() / (values.mean() ** 2 + 1 + spread))

    share = there.mean()
    objects = share * likeness(probable[there]) + (1 - share) * likeness(1 - probable[~there])
    row, column = (int(np.round(places.mean())) + 1 for places in np.nonzero(there))
    truth = there.astype(float)
    regions = 0.0
    for rows in (slice(None, row), slice(row, None)):
        for columns in (slice(None, column), slice(column, None)):
            weight = truth[rows, columns].size / truth.size
            regions += weight * similarity(probable[rows, columns], truth[rows, columns])
    return max(0.0, float(0.5 * objects + 0.5 * regions))


def _e_by_the_paper(probable: Shares, there: Where) -> float:
    """Fan et al. 2018: equations 2 to 5, pixel by pixel and threshold by threshold."""
    scores = []
    truth = there.astype(float)
    for threshold in range(256):
        found = (np.floor(probable * 255) >= threshold).astype(float)
        if truth.all():
            scores.append(found.mean())
        elif not truth.any():
            scores.append(1 - found.mean())
        else:
            one, other = found - found.mean(), truth - truth.mean()
            alignment = 2 * one * other / (one**2 + other**2)
            scores.append((np.square(1 + alignment) / 4).mean())
    return float(np.mean(scores))


@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.05, 0.4, 0.9]))
def test_they_are_the_formulas_of_the_papers(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(2, 14, 2))
    there = rng.random(shape) < share
    there.flat[rng.integers(there.size)] ^= True
    probable = rng.random(shape)
    assert e_measure(probable, there) == pytest.approx(_e_by_the_paper(probable, there))
    if there.any() and not there.all():
        assert s_measure(probable, there) == pytest.approx(_s_by_the_paper(probable, there))


@given(seed=st.integers(0, 10_000))
def test_right_is_one_and_what_does_not_count_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    there = rng.random((9, 11)) < 0.4
    there[4, 5], there[0, 0] = True, False
    assert s_measure(there.astype(float), there) == pytest.approx(1)
    probable, counted = rng.random((9, 11)), rng.random((9, 11)) < 0.8
    other = np.where(counted, probable, rng.random((9, 11)))
    flipped = np.where(counted, there, ~there)
    for measured in (probable, other):
        for truth in (there, flipped):
            assert s_measure(measured, truth, counted) == s_measure(probable, there, counted)
    assert 0 <= s_measure(probable, there, counted) <= 1
    assert 0 <= e_measure(probable, there) <= 1
    everything = np.ones_like(there)
    assert s_measure(probable, there, everything) == pytest.approx(s_measure(probable, there))


def test_an_object_in_the_last_corner_leaves_regions_without_pixels() -> None:
    """The other program says NaN."""
    there = np.zeros((5, 6), bool)
    there[-1, -1] = True
    assert s_measure(there.astype(float), there) == pytest.approx(1)
    assert 0 <= s_measure(np.full((5, 6), 0.5), there) < 0.6


@pytest.mark.parametrize(
    "area",
    [
        (slice(-1, None), slice(None)),
        (slice(None), slice(-1, None)),
        (slice(-1, None), slice(2, 4)),
        (slice(1, 3), slice(-1, None)),
        (slice(-1, None), slice(-1, None)),
    ],
)
def test_objects_around_a_centre_in_the_last_row_or_column_have_the_papers_figure(
    area: tuple[slice, slice],
) -> None:
    """No pixel lies below it, or right of it."""
    there = np.zeros((6, 8), bool)
    there[area] = True
    probable = np.random.default_rng(0).random((6, 8))
    for measured in (probable, there.astype(float), np.full((6, 8), 0.25)):
        found = s_measure(measured, there)
        assert np.isfinite(found)
        with np.errstate(invalid="ignore"):  # of regions that are all alike
            assert found == pytest.approx(_s_by_the_paper(measured, there))


def test_a_picture_of_which_nothing_counts_is_right() -> None:
    nothing = np.zeros((3, 4), bool)
    assert s_measure(np.full((3, 4), 0.5), nothing, nothing) == 1
    assert e_measure(np.empty(0), np.empty(0, bool)) == 1


def test_figures_are_means_over_images() -> None:
    scores = MaskScores()
    assert set(scores.structure().values.values()) == {None}
    each = []
    for name in ("blurred", "none"):
        probable, there = case(name)
        logits = np.log(probable / (1 - probable))
        scores.add_structure(logits, there)
        each.append((s_measure(probable, there), e_measure(probable, there)))
    found = scores.structure().values
    assert found["s_measure"] == pytest.approx(np.mean([s for s, _ in each]))
    assert found["e_measure"] == pytest.approx(np.mean([e for _, e in each]), abs=0.01)
