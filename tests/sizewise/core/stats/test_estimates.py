from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as reference

from sizewise.core.stats.estimates import (
    PRIOR_DEGREES,
    Array,
    difference_of,
    half_width,
    mean_of,
    p_value,
    paired_of,
)


def draw(seed: int, *shape: int, sd: float = 0.02) -> Array:
    return np.random.default_rng(seed).normal(0, sd, shape)


def test_the_interval_of_a_mean_is_students_t() -> None:
    values = draw(1, 9)
    expected = reference.t.interval(0.95, 8, values.mean(), reference.sem(values))
    one = mean_of(values)
    half = half_width(one, 0.95)
    assert (one.point - half, one.point + half) == pytest.approx(expected)


def test_a_pair_alone_is_a_paired_t_test() -> None:
    ours, theirs = draw(2, 12) + 0.01, draw(3, 12)
    expected = reference.ttest_rel(ours, theirs)
    one = paired_of(ours, theirs)
    interval = expected.confidence_interval(0.9)
    assert p_value(one) == pytest.approx(expected.pvalue)
    assert half_width(one, 0.9) == pytest.approx((interval.high - interval.low) / 2)


def test_two_independent_means_are_compared_as_welch_did() -> None:
    ours, theirs = draw(4, 8) + 0.02, draw(5, 14, sd=0.05)
    expected = reference.ttest_ind(ours, theirs, equal_var=False)
    one = difference_of(mean_of(ours), mean_of(theirs))
    assert p_value(one) == pytest.approx(expected.pvalue)
    assert one.degrees == pytest.approx(expected.df)


def test_a_known_variance_widens_without_costing_degrees() -> None:
    ours, theirs = mean_of(draw(4, 8)), mean_of(draw(5, 8))
    plain, wider = difference_of(ours, theirs), difference_of(ours, theirs, 0.02**2)
    assert wider.variance == pytest.approx(plain.variance + 0.02**2)
    assert wider.degrees > plain.degrees


def left_by_two_way_model(group: Array) -> float:
    """The sum of squares that engine + wave leave, by least squares."""
    engines, waves = group.shape
    design = np.zeros((engines * waves, engines + waves))
    for engine in range(engines):
        for wave in range(waves):
            design[engine * waves + wave, [engine, engines + wave]] = 1
    fitted = design @ np.linalg.lstsq(design, group.ravel(), rcond=None)[0]
    return float(np.sum((group.ravel() - fitted) ** 2))


def test_the_rest_of_a_group_weighs_as_many_degrees_as_were_written_down() -> None:
    group = draw(6, 4, 10)
    own = mean_of(group[0] - group[1])
    left = left_by_two_way_model(group) - own.variance * 10 * 9 / 2
    prior = 2 * left / (2 * 9) / 10
    one = paired_of(group[0], group[1], group[2:])
    assert one.degrees == 9 + PRIOR_DEGREES
    assert one.variance == pytest.approx((PRIOR_DEGREES * prior + 9 * own.variance) / 15)


def test_a_pair_that_is_noisier_than_the_rest_keeps_its_own_variance() -> None:
    group = draw(7, 4, 12)
    group[0] *= 5
    assert paired_of(group[0], group[1], group[2:]).degrees == 11
    assert paired_of(group[2], group[3], group[:2]).degrees == 11


def test_noise_that_a_wave_has_in_common_changes_nothing() -> None:
    group, common = draw(8, 4, 12), draw(9, 12, sd=0.2)
    still = paired_of(group[0], group[1], group[2:])
    drifting = paired_of(group[0] + common, group[1] + common, group[2:] + common)
    assert drifting.point == pytest.approx(still.point)
    assert drifting.variance == pytest.approx(still.variance)


def test_many_groups_at_once_are_as_each_by_itself() -> None:
    groups = draw(10, 50, 4, 12)
    together = paired_of(groups[:, 0], groups[:, 1], groups[:, 2:])
    for place, group in enumerate(groups):
        alone = paired_of(group[0], group[1], group[2:])
        assert together.variance[place] == pytest.approx(alone.variance)
        assert together.degrees[place] == alone.degrees


@pytest.mark.parametrize(("difference", "p"), [(0.0, 1.0), (0.1, 0.0)])
def test_without_any_noise_a_difference_is_certain(difference: float, p: float) -> None:
    ours, theirs = np.full(8, difference), np.zeros(8)
    assert p_value(paired_of(ours, theirs)) == p
    assert p_value(paired_of(ours, theirs, np.zeros((2, 8)))) == p


def test_one_process_has_no_variance() -> None:
    assert np.isnan(mean_of(np.array([1.0])).variance)
