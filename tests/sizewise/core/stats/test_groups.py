"""When a group may stop, means of ratios, and how milliseconds wandered."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sizewise.core.stats import RIGORS, Ratio, contrast, enough, geometric_mean, wander
from sizewise.core.stats.estimates import Estimate
from sizewise.core.stats.ratios import ratio_of
from tests.sizewise.core.stats.drift import Array
from tests.sizewise.core.stats.factory import of_medians

QUICK = RIGORS["quick"]


def logs(waves: int = 8, engines: int = 3, sd: float = 0.01) -> Array:
    """Log medians [engine, wave, round]; the second engine is the fastest."""
    effects = np.array([0.2, 0.0, 0.1])[:engines, None, None]
    return effects + np.random.default_rng(1).normal(0, sd, (engines, waves, 4))


def test_a_group_is_held_to_its_widest_ratio_to_the_fastest() -> None:
    results = [of_medians(one) for one in logs()]
    found = enough(results, QUICK)
    widths = [contrast(results[other], results[1], results).width for other in (0, 2)]
    assert found.half_width == max(width for width in widths if width is not None)
    assert found.enough
    assert found.waves == 8


def test_seven_waves_are_too_few_however_well_they_agree() -> None:
    assert not enough([of_medians(one) for one in logs(waves=7)], QUICK).enough
    assert not enough([of_medians(one) for one in logs(waves=1)], QUICK).enough


def test_a_noisy_group_goes_on() -> None:
    found = enough([of_medians(one) for one in logs(sd=0.2)], QUICK)
    assert found.half_width is not None
    assert found.half_width > QUICK.half_width
    assert not found.enough


def test_drift_of_the_machine_does_not_keep_a_single_engine_from_its_end() -> None:
    log = logs(engines=1)[0]
    drift = np.random.default_rng(2).normal(0, 0.3, (8, 1))
    anchored = of_medians(log + drift, anchor_ns=1e6 * np.exp(drift + np.zeros(log.shape)))
    assert enough([anchored], QUICK).enough
    assert not enough([of_medians(log + drift)], QUICK).enough


def test_nothing_measured_is_not_enough() -> None:
    found = enough([], QUICK)
    assert (found.waves, found.half_width, found.enough) == (0, None, False)


def ratio(point: float, error: float, degrees: float, shared: float = 0.0) -> Ratio:
    one = Estimate.single(math.log(point), error**2, degrees)
    return ratio_of(one, "together", waves=8, shared=shared, disturbed=False)


def test_a_mean_of_ratios_pools_their_standard_errors() -> None:
    mean = geometric_mean([ratio(1.0, 0.02, 7), ratio(1.21, 0.02, 7)])
    assert mean.ratio == pytest.approx(1.1)
    # Two equal parts with 7 degrees each have 14; their mean's error is 0.02 / √2.
    assert mean.high == pytest.approx(1.1 * math.exp(2.1447867 * 0.02 / math.sqrt(2)))
    assert mean.count == 2


def test_one_ratio_is_its_own_mean() -> None:
    alone = ratio(1.3, 0.02, 7)
    mean = geometric_mean([alone])
    assert (mean.ratio, mean.low, mean.high) == pytest.approx((1.3, alone.low, alone.high))


def test_what_ratios_share_does_not_average_out() -> None:
    many = [ratio(1.1, 0.03, 1000, shared=0.03)] * 50
    mean = geometric_mean(many)
    assert mean.high == pytest.approx(many[0].high, rel=1e-3)


def test_a_mean_with_a_ratio_measured_apart_has_no_interval() -> None:
    mean = geometric_mean([ratio(1.1, 0.02, 7), Ratio(ratio=1.1)])
    assert mean.ratio == pytest.approx(1.1)
    assert (mean.low, mean.high) == (None, None)


def test_the_machine_wandered_as_the_anchor_did() -> None:
    drift = np.random.default_rng(3).normal(0, 0.1, (200, 4))
    results = [of_medians(drift + one, anchor_ns=1e5 * np.exp(drift)) for one in (0.0, 1.0)]
    found = wander(results)
    assert found is not None
    assert (found.of, found.much) == ("anchor", True)
    assert found.share == pytest.approx(math.expm1(float(np.std(drift, ddof=1))), rel=1e-6)


def test_without_an_anchor_engines_tell_and_their_difference_does_not_count() -> None:
    results = [of_medians(one) for one in 5 * logs(sd=0.002)]
    found = wander(results)
    assert found is not None
    assert (found.of, found.much) == ("engines", False)


def test_another_kernel_is_no_wandering() -> None:
    quiet = np.zeros((8, 4))
    first, second = (
        of_medians(quiet, anchor_ns=np.full((8, 4), ns), first_wave=wave)
        for ns, wave in ((5e6, 0), (8e6, 8))
    )
    of_another = tuple(replace(one, anchor="another") for one in second.blocks)
    found = wander([first, replace(second, blocks=of_another)])
    assert found is not None
    assert found.share == pytest.approx(0, abs=1e-9)


def test_a_paper_needs_two_waves_of_each_build() -> None:
    narrow = [of_medians(one, rebuild=lambda wave: 0) for one in logs(sd=0.0001)]
    rebuilt = [of_medians(one, rebuild=lambda wave: wave % 3) for one in logs(sd=0.0001)]
    assert enough(narrow, RIGORS["standard"]).enough
    assert not enough(narrow, RIGORS["paper"]).enough
    assert enough(rebuilt, RIGORS["paper"]).enough


def test_nothing_wanders_in_one_block() -> None:
    assert wander([]) is None
    assert wander([of_medians(np.zeros((1, 1)))]) is None
