"""One row: what calls of an engine take, and what disturbed their measurement."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sizewise.core.stats.clusters import clusters
from sizewise.core.stats.disturbing import Disturbance, disturbances
from sizewise.core.stats.estimates import Estimate, half_width, mean_of
from sizewise.core.stats.intervals import CONFIDENCE, Interval
from sizewise.core.stats.measured import Measured, by_wave, measured
from sizewise.core.stats.tails import CALLS_FOR_P90, CALLS_FOR_P99, Calls, mean_call, quantile
from sizewise.core.trials import Block, Result

_MS = 1e-6
"""Milliseconds of a nanosecond."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One row. Latencies are of one warm call (a whole batch) in milliseconds, with 95 % intervals
    over processes: they hold for the time of this sweep, not for another day.

    ``latency_ms`` is the median call (the geometric mean of the blocks' medians). ``p90_ms`` and
    ``p99_ms`` are None where there are too few calls. ``images_per_s`` is what calls without a
    pause sustain: images over the mean time of a call, not over the median.

    ``cpu_ms`` is process CPU time per warm call, ``load`` the median share of all cores that others
    took (0–1). ``calls`` are warm ones; of ``cold_calls``, the first in a turn takes ``first_cold``
    times the warm median (None where none is cold). ``left_out`` processes beside ``processes``
    stand in no figure: something disturbed them, and enough others were left alone.

    ``disturbances`` are why its milliseconds may not be the machine's own. A wide interval is none:
    ``width`` (half of it, as a share of the latency) says that it is coarse.
    """

    latency_ms: Interval
    p90_ms: Interval | None
    p99_ms: Interval | None
    images_per_s: Interval
    cpu_ms: float
    load: float
    processes: int
    left_out: int
    rounds: int
    blocks: int
    calls: int
    cold_calls: int
    first_cold: float | None
    disturbances: tuple[Disturbance, ...]

    @property
    def width(self) -> float | None:
        """Half the width of the latency's interval, as a share."""
        return self.latency_ms.width

    @property
    def disturbed(self) -> bool:
        """Whether the row is marked."""
        return bool(self.disturbances)


def summarize(result: Result) -> Summary:
    """The row of a result. Raises RecordError where it has no samples."""
    one = measured(result)
    calls = _calls(one.blocks)
    count = len(calls.all)
    return Summary(
        latency_ms=_interval(log_latency(one)).times(_MS),
        p90_ms=quantile(calls, 0.9).times(_MS) if count >= CALLS_FOR_P90 else None,
        p99_ms=quantile(calls, 0.99).times(_MS) if count >= CALLS_FOR_P99 else None,
        images_per_s=_rate(mean_call(calls), result.trial.cell.batch_size),
        cpu_ms=sum(b.cpu_ns for b in one.blocks) / count * _MS,
        load=statistics.median(b.load for b in one.blocks),
        processes=len(one.waves),
        left_out=one.left_out,
        rounds=len({(b.wave, b.round) for b in one.blocks}),
        blocks=len(one.blocks),
        calls=count,
        cold_calls=sum(b.cold for b in one.blocks),
        first_cold=_first_cold(one),
        disturbances=disturbances(result.blocks),
    )


def log_latency(one: Measured) -> Estimate:
    """The logarithm of the median call in nanoseconds.

    Waves are spread over the sweep, so drift of the machine is in the spread of its processes. The
    processes of a few seconds side by side would know nothing of it.
    """
    values = by_wave(list(one.keys), one.log_ns)
    return mean_of(clusters(values, list(one.rebuilds.values())))


def _interval(one: Estimate) -> Interval:
    half = float(half_width(one, CONFIDENCE))
    return Interval.around(float(one.point), None if np.isnan(half) else half).exponential()


def _calls(blocks: Sequence[Block]) -> Calls:
    return Calls(
        turns=[np.asarray(block.warm_ns, dtype=np.float64) for block in blocks],
        processes=[block.wave for block in blocks],
    )


def _rate(call_ns: Interval, images: int) -> Interval:
    low, high = (None if end is None else images / end * 1e9 for end in (call_ns.high, call_ns.low))
    return Interval(point=images / call_ns.point * 1e9, low=low, high=high)


def _first_cold(one: Measured) -> float | None:
    """The median over turns, each against its own warm calls."""
    firsts = [
        block.latency_ns[0] / np.exp(log_ns)
        for block, log_ns in zip(one.blocks, one.log_ns, strict=True)
        if block.cold
    ]
    return float(np.median(firsts)) if firsts else None
