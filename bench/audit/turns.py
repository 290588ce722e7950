"""Two sides measured by turns, in fresh processes in each wave, and their latencies' ratio."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from bench.remote import RemoteWorker
from bench.timing.harness import Turn
from bench.waves.measured import median_ns
from sizewise.core.stats import Interval, mean_interval
from sizewise.core.trials import Sample

PAUSE_S = 0.06
"""Threads of ONNX Runtime by itself spin on for 33 ms after a call: in the pause they stop."""
TURN = Turn(pause_s=PAUSE_S, cold_calls=2, calls=5, seconds=0.06)


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two sides: ``launch`` starts a process for a wave, and ``prepare`` loads into it what
    is measured, up to its first turn."""

    launch: Callable[[], RemoteWorker]
    prepare: Callable[[RemoteWorker], None]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The rounds of a wave, in each of which both sides have one ``turn``."""

    rounds: int = 8
    turn: Turn = TURN


@dataclass(frozen=True, kw_only=True)
class SideTurns:
    """One side's turns in a wave: the median warm call of each in ns, and the share of their time
    that its process had a core (2 for two threads that never wait)."""

    median_ns: tuple[float, ...]
    cpu_share: float


@dataclass(frozen=True, kw_only=True)
class PairedWave:
    """A wave of two sides, measured by turns."""

    first: SideTurns
    second: SideTurns

    @property
    def log_ratio(self) -> float:
        """The mean over rounds of the logarithm of ``first`` over ``second``."""
        pairs = zip(self.first.median_ns, self.second.median_ns, strict=True)
        return statistics.fmean(math.log(ours / theirs) for ours, theirs in pairs)


def ratio_of(waves: Sequence[PairedWave]) -> Interval:
    """The latency of the first side over that of the second, with its 95 % interval: processes are
    what repeats, so each wave is one value."""
    return mean_interval([wave.log_ratio for wave in waves]).exponential()


def cpu_ratio_of(waves: Sequence[PairedWave]) -> Interval | None:
    """The share of a core that the first side had over that of the second, with its 95 % interval;
    None where either had none at all."""
    shares = [(wave.first.cpu_share, wave.second.cpu_share) for wave in waves]
    if min(map(min, shares), default=0.0) <= 0:
        return None
    return mean_interval([math.log(ours / theirs) for ours, theirs in shares]).exponential()


def measure_wave(first: Side, second: Side, shape: Shape, number: int) -> PairedWave:
    """Measure a wave; ``number`` decides who begins. Call this from the main thread, with which
    children die. Raises what a side's process raises."""
    sides = (first, second)
    with ExitStack() as opened:
        workers: list[RemoteWorker] = []
        for side in sides:
            workers.append(side.launch())
            opened.callback(workers[-1].close)
        with ThreadPoolExecutor(len(sides)) as pool:
            for done in [pool.submit(s.prepare, w) for s, w in zip(sides, workers, strict=True)]:
                done.result()
        samples: tuple[list[Sample], ...] = ([], [])
        for turn in range(shape.rounds):
            order = (0, 1) if (number + turn) % 2 == 0 else (1, 0)
            for place in order:
                samples[place].append(workers[place].measure(shape.turn))
    return PairedWave(first=_turns(samples[0]), second=_turns(samples[1]))


def _turns(samples: Sequence[Sample]) -> SideTurns:
    warm_ns = sum(sum(sample.warm_ns) for sample in samples)
    return SideTurns(
        median_ns=tuple(median_ns(sample) for sample in samples),
        cpu_share=sum(sample.cpu_ns for sample in samples) / warm_ns,
    )
