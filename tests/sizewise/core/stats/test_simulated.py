"""The simulated machines are as they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats as reference

from tests.sizewise.core.stats.drift import Schedule
from tests.sizewise.core.stats.simulated import QUIET, SHARED, Machine, simulate

STILL = Machine(wave=(0, 0), round=(0, 0), process=(0, 0), block=(0, 0))
LONG = Schedule(waves=100)


@pytest.mark.parametrize("part", ["wave", "round", "process", "block"])
def test_a_component_is_as_large_as_it_says(part: str) -> None:
    changed: dict[str, Any] = {part: (0.05, 0.05)}
    machine = replace(STILL, **changed)
    random = np.random.default_rng(1)
    log = simulate(random, machine, [0.0] * 4, count=20, schedule=LONG).log
    assert log.std() == pytest.approx(0.05, rel=0.05)
    apart = {
        "wave": log[:, :1, :, :1],
        "round": log[:, :1],
        "process": log[..., :1],
        "block": log,
    }[part]
    assert np.allclose(log, apart)
    assert apart.std() == pytest.approx(0.05, rel=0.05)


def test_drift_is_common_and_forgets_in_its_time() -> None:
    machine = replace(STILL, drift=0.10, drift_s=60.0)
    random = np.random.default_rng(2)
    simulated = simulate(random, machine, [0.0, 0.0], count=400, schedule=LONG)
    waves = simulated.log.mean(axis=(1, 3))
    assert waves.std() == pytest.approx(0.10, rel=0.05)
    correlation = np.corrcoef(waves[:, :-2].ravel(), waves[:, 2:].ravel())[0, 1]
    assert correlation == pytest.approx(np.exp(-1), abs=0.03)
    nearly = simulated.log[:, 0] - simulated.log[:, 1]
    assert nearly.std() < 0.01
    assert np.allclose(simulated.drift, waves.mean(axis=-1), atol=0.05)


def test_noise_of_shared_machines_has_heavy_tails() -> None:
    machine = replace(STILL, block=SHARED.block, kurtosis=SHARED.kurtosis)
    random = np.random.default_rng(3)
    log = simulate(random, machine, [0.0], count=400, schedule=LONG).log
    assert 3.7 < reference.kurtosis(log.ravel(), fisher=False) < 5.7


def test_a_seed_gives_the_same_machine_again() -> None:
    one, other = (
        simulate(np.random.default_rng(4), QUIET, [0.0] * 3, count=2, schedule=Schedule()).log
        for _ in range(2)
    )
    assert np.array_equal(one, other)
