from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from sizewise.core.stats import Ratio, contrast
from sizewise.core.stats.anchored import SESSION
from sizewise.core.trials import Result
from tests.sizewise.core.stats.drift import Array, Schedule
from tests.sizewise.core.stats.factory import of_medians
from tests.sizewise.core.stats.simulated import QUIET, SHARED, simulate


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


def test_results_of_other_waves_are_tied_by_the_anchor() -> None:
    random = np.random.default_rng(3)
    log = simulate(random, QUIET, [2.0, 2.1, 0.0], count=1, schedule=Schedule()).log[0]
    drift = 0.3
    anchor = 1e6 * np.exp(log[2])
    first = of_medians(log[0], anchor_ns=anchor)
    later = of_medians(log[1] + drift, anchor_ns=anchor * math.exp(drift), first_wave=12)
    ratio = contrast(first, later)
    assert ratio.how == "anchored"
    assert ratio.ratio == pytest.approx(math.exp(-0.1), rel=0.02)
    assert ratio.shared == 0


def test_between_runs_an_engine_may_differ_in_what_the_anchor_does_not_feel() -> None:
    log = group(4, engines=2)
    anchor = np.ones((8, 4))
    first = of_medians(log[0], anchor_ns=anchor)
    near, far = (
        contrast(first, of_medians(log[1], anchor_ns=anchor, first_wave=8, session=run))
        for run in (0, 1)
    )
    assert near.error is not None
    assert far.shared == pytest.approx(SESSION * math.sqrt(2))
    assert far.error == pytest.approx(math.hypot(near.error, far.shared))


def test_another_anchor_ties_nothing() -> None:
    log, anchor = group(4, engines=2), np.ones((8, 4))
    first, second = (
        of_medians(x, anchor_ns=anchor, first_wave=8 * number) for number, x in enumerate(log)
    )
    renamed = tuple(replace(b, anchor="anchor 2, numpy 3") for b in second.blocks)
    assert contrast(first, second).how == "anchored"
    assert contrast(first, replace(second, blocks=renamed)).how == "apart"


def test_runs_that_two_engines_share_add_nothing() -> None:
    log = group(5, engines=2)
    anchor = np.ones((8, 4))
    one, other = (of_medians(x, anchor_ns=anchor) for x in log)
    second = of_medians(log[1, :4], anchor_ns=anchor, first_wave=20, session=1)
    both = replace(other, blocks=tuple(replace(b, wave=b.wave + 8) for b in other.blocks))
    half = replace(both, blocks=both.blocks[:16] + second.blocks)
    assert contrast(one, both).shared == 0
    # Of eight waves, four ran in another run: half of each mean is not in the other.
    assert contrast(one, half).shared == pytest.approx(SESSION * math.sqrt(0.5**2 + 0.5**2))


def test_what_has_no_anchor_was_measured_apart() -> None:
    log = group(6, engines=2)
    ratio = contrast(of_medians(log[0]), of_medians(log[1], first_wave=8))
    assert (ratio.how, ratio.low, ratio.p) == ("apart", None, None)
    assert ratio.ratio == pytest.approx(math.exp(log[0].mean() - log[1].mean()), rel=1e-5)


def test_waves_of_two_files_were_never_measured_by_turns() -> None:
    log, anchor = group(8, engines=2), np.ones((8, 4))
    results = [of_medians(one, anchor_ns=anchor) for one in log]
    assert compare(results).how == "together"
    other_file = compare(results, same_file=False)
    assert other_file.how == "anchored"
    assert other_file.shared == pytest.approx(SESSION * math.sqrt(2))


def test_an_earlier_harness_is_never_compared_with_this_one() -> None:
    log, anchor = group(9, engines=2), np.ones((8, 4))
    one, other = (
        of_medians(x, anchor_ns=anchor, harness=h) for x, h in zip(log, (1, 2), strict=True)
    )
    assert contrast(one, other).how == "apart"
