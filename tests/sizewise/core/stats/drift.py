"""Drift of a machine during a sweep, which all engines meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A sweep of one group: waves begin ``wave_s`` apart (in between, other sizes are measured),
    and each block of a round takes ``block_s`` with its pause and its cold calls. For ``after_s``
    the sweep goes on without the group."""

    waves: int = 12
    rounds: int = 12
    wave_s: float = 30.0
    block_s: float = 0.1
    after_s: float = 0.0


def _times_of_wave(schedule: Schedule, engines: int) -> Array:
    """Seconds of each turn, and of each second until the next wave."""
    turns = schedule.block_s * np.arange(schedule.rounds * engines)
    pause = np.arange(turns[-1] + schedule.block_s, schedule.wave_s, 1.0)
    return np.concatenate([turns, pause])


def times(schedule: Schedule, engines: int) -> Array:
    """Seconds of each turn of the sweep, and of each second in which the group has none."""
    starts = schedule.wave_s * np.arange(schedule.waves)
    measured = (starts[:, None] + _times_of_wave(schedule, engines)).ravel()
    after = schedule.waves * schedule.wave_s + np.arange(0, schedule.after_s, 1.0)
    return np.concatenate([measured, after])


def of_blocks(random: np.random.Generator, path: Array, schedule: Schedule, engines: int) -> Array:
    """The drift of each block: the engines of a round take their turns in random order."""
    waves, rounds = schedule.waves, schedule.rounds
    length = len(_times_of_wave(schedule, engines))
    by_wave = path[:, : waves * length].reshape(-1, waves, length)
    turns = by_wave[..., : rounds * engines].reshape(-1, waves, rounds, engines)
    order = np.argsort(random.random(turns.shape), axis=-1)
    return np.moveaxis(np.take_along_axis(turns, order, axis=-1), -1, 1)


def drift_at(random: np.random.Generator, at_s: Array, drift_s: float, count: int) -> Array:
    """Drift [pair, time] with a standard deviation of 1.

    It is AR(1) at times that need not be equally far apart.
    """
    kept = np.exp(-np.diff(at_s) / drift_s)
    steps = random.normal(size=(len(at_s), count))
    steps[1:] *= np.sqrt(1 - kept**2)[:, None]
    for i, share in enumerate(kept, start=1):
        steps[i] += share * steps[i - 1]
    return steps.T
