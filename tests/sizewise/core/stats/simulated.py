"""Machines whose truth is known: log block medians by the components that were found on real ones.

log median = engine + drift + wave + round + engine × process + block. Nothing here uses the
statistics that it tests. Arrays are [pair, engine, wave, round]; the anchor, where there is one, is
the last engine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.sizewise.core.stats.drift import Array, Schedule, drift_at, of_blocks, times

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Standard deviations of logarithms; each simulated pair draws its own within the ranges.

    ``quiet_processes`` is the share of pairs whose processes don't differ at all. Block noise has
    the given ``kurtosis`` (3: normal). In a burst, which is in a share of ``bursts`` of the blocks,
    an engine takes ``burst`` more for one block. ``drift`` is common to all engines (AR(1) in
    continuous time), with ``drift_s`` as its correlation time.
    """

    wave: Range
    round: Range
    process: Range
    block: Range
    kurtosis: float = 3.0
    quiet_processes: float = 0.0
    bursts: float = 0.0
    burst: float = 0.0
    drift: float = 0.0
    drift_s: float = 60.0


QUIET = Machine(wave=(0, 0.005), round=(0.01, 0.02), process=(0.008, 0.012), block=(0.015, 0.023))
"""An idle machine with two virtual cores: components of its block medians."""
SHARED = Machine(
    wave=(0.04, 0.08), round=(0.04, 0.07), process=(0, 0.04), block=(0.11, 0.12), kurtosis=4.7
)
"""A virtual machine with neighbours, as reports/measured/multiscale-latency.json recorded it."""
LOADED = Machine(
    wave=(0, 0.25),
    round=(0.04, 0.15),
    process=(0, 0.06),
    block=(0.06, 0.16),
    kurtosis=4.7,
    quiet_processes=7 / 12,
)
"""Another one, by the twelve groups of reports/measured/engines-speed.json."""


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """``log`` [pair, engine, wave, round], and the common drift over the whole sweep: its mean
    [pair], and itself [pair, time] at the times ``at_s``."""

    log: Array
    drift: Array
    path: Array
    at_s: Array


def simulate(
    random: np.random.Generator,
    machine: Machine,
    effects: Sequence[float],
    *,
    count: int,
    schedule: Schedule,
    noise: Sequence[float] | None = None,
) -> Simulated:
    """``count`` groups of engines; ``effects`` are what engines take, as logarithms, and ``noise``
    are factors on their process and block noise (1 for all)."""
    shape = count, len(effects), schedule.waves, schedule.rounds
    log = np.asarray(effects, dtype=np.float64)[None, :, None, None] + np.zeros(shape)
    factors = np.asarray(noise or [1.0] * len(effects))[None, :, None, None]
    log += random.normal(size=(count, 1, shape[2], 1)) * _within(random, machine.wave, count)
    log += random.normal(size=(count, 1, *shape[2:])) * _within(random, machine.round, count)
    quiet = random.random((count, 1, 1, 1)) < machine.quiet_processes
    process = np.where(quiet, 0, _within(random, machine.process, count)) * factors
    log += random.normal(size=shape[:3])[..., None] * process
    block = _within(random, machine.block, count) * factors
    log += _heavy(random, shape, machine.kurtosis) * block
    if machine.bursts:
        log += np.where(random.random(shape) < machine.bursts, math.log1p(machine.burst), 0)
    at_s = times(schedule, engines=shape[1])
    if not machine.drift:
        return Simulated(
            log=log, drift=np.zeros(count), path=np.zeros((count, len(at_s))), at_s=at_s
        )
    path = machine.drift * drift_at(random, at_s, machine.drift_s, count)
    return Simulated(
        log=log + of_blocks(random, path, schedule, shape[1]),
        drift=np.trapezoid(path, at_s, axis=-1) / (at_s[-1] - at_s[0]),
        path=path,
        at_s=at_s,
    )


def _within(random: np.random.Generator, ends: Range, count: int) -> Array:
    return random.uniform(*ends, size=(count, 1, 1, 1))


def _heavy(random: np.random.Generator, shape: tuple[int, ...], kurtosis: float) -> Array:
    """Noise with a standard deviation of 1 and this kurtosis: Student's t, scaled."""
    if kurtosis <= 3:
        return random.normal(size=shape)
    degrees = 4 + 6 / (kurtosis - 3)
    return random.standard_t(degrees, size=shape) / math.sqrt(degrees / (degrees - 2))
