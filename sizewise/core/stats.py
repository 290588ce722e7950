"""Statistics of the raw samples: medians, intervals, and whether two engines differ.

A process is the unit that repeats: calls within one process share its memory layout and its luck,
so they are not independent. Every interval here is therefore made of one number per process, a mean
of log block medians (Kalibera and Jones, "Rigorous Benchmarking in Reasonable Time", ISMM 2013, for
the hierarchy; the tests simulate what it covers).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sizewise.core.errors import RecordError
from sizewise.core.intervals import Interval, difference_interval, mean_interval
from sizewise.core.trials import Block, Result

CONFIDENCE = 0.95
PRACTICAL = 0.01
"""A difference counts only where the whole interval lies beyond this share of the latency."""
WIDE = 0.05
"""Half the width of an interval, as a share of the latency, from which on a row is unreliable."""
FEW_PROCESSES = 3
BUSY = 0.25
"""The share of blocks under background load from which on a row is unreliable."""

Verdict = Literal["faster", "slower", "same", "unclear"]
DoubtCode = Literal["few_processes", "wide_interval", "foreign_load"]


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A reason why a row is unreliable."""

    code: DoubtCode
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One row. Latencies are of one call (a whole batch), in milliseconds; ``cpu_ms`` is process
    CPU time per call; ``load`` is the median share of all cores that others took (0–1).
    """

    latency_ms: float
    low_ms: float | None
    high_ms: float | None
    p90_ms: float
    images_per_s: float
    cpu_ms: float
    load: float
    processes: int
    blocks: int
    calls: int
    doubts: tuple[Doubt, ...]

    @property
    def trusted(self) -> bool:
        return not self.doubts


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Latency of ``a`` over that of ``b``, with its 95 % interval; ``faster`` is said of ``a``.

    ``paired`` says that the two were interleaved, so that drift of the machine cancels.
    """

    ratio: float
    low: float | None
    high: float | None
    verdict: Verdict
    paired: bool


def summarize(result: Result) -> Summary:
    """The row of a result. Raises RecordError where it has no samples."""
    blocks = _usable(result)
    calls_ns = np.concatenate([np.asarray(b.latency_ns, dtype=np.float64) for b in blocks])
    clusters = _per_process(_log_medians(blocks))
    latency_ns = mean_interval(clusters, CONFIDENCE).exponential()
    return Summary(
        latency_ms=latency_ns.point / 1e6,
        low_ms=None if latency_ns.low is None else latency_ns.low / 1e6,
        high_ms=None if latency_ns.high is None else latency_ns.high / 1e6,
        p90_ms=float(np.quantile(calls_ns, 0.9)) / 1e6,
        images_per_s=result.trial.cell.batch_size / (latency_ns.point / 1e9),
        cpu_ms=sum(b.cpu_ns for b in blocks) / len(calls_ns) / 1e6,
        load=statistics.median(b.load for b in result.blocks),
        processes=len(clusters),
        blocks=len(blocks),
        calls=len(calls_ns),
        doubts=tuple(_doubts(result, latency_ns, len(clusters))),
    )


def compare_results(a: Result, b: Result) -> Ratio:
    """Whether ``a`` is faster than ``b``. Raises RecordError where either has no samples.

    Interleaved results are paired by process and round; others by Welch's t on the processes.
    """
    pairs = _pairs(a, b) if _interleaved(a, b) else {}
    log_ratio = mean_interval(_per_process(pairs), CONFIDENCE) if pairs else _unpaired(a, b)
    ratio = log_ratio.exponential()
    return Ratio(
        ratio=ratio.point,
        low=ratio.low,
        high=ratio.high,
        verdict=_verdict(ratio),
        paired=bool(pairs),
    )


def _usable(result: Result) -> tuple[Block, ...]:
    """The blocks that figures are made of: the valid ones, or all where a process has none."""
    if not result.blocks:
        raise RecordError(
            f"There are no samples of {result.trial.cell.backend} at {result.trial.cell.size}",
            f"the trial is filed as {result.status}",
            "Run the same sizewise bench command again.",
        )
    valid = tuple(b for b in result.blocks if b.valid)
    complete = {b.process for b in valid} == {b.process for b in result.blocks}
    return valid if complete else result.blocks


_Key = tuple[int, int, int]


def _log_medians(blocks: Iterable[Block]) -> dict[_Key, float]:
    """The logarithm of each block's median, by rebuild, process and round."""
    return {
        (b.rebuild, b.process, b.round): math.log(statistics.median(b.latency_ns)) for b in blocks
    }


def _per_process(values: Mapping[_Key, float]) -> list[float]:
    """The mean of each process's values."""
    clusters: dict[tuple[int, int], list[float]] = {}
    for (rebuild, process, _), value in values.items():
        clusters.setdefault((rebuild, process), []).append(value)
    return [statistics.fmean(members) for members in clusters.values()]


def _interleaved(a: Result, b: Result) -> bool:
    """Whether they ran by turns: groups of engines are measured one after another."""

    def span(result: Result) -> tuple[int, int]:
        starts = [block.started_ns for block in _usable(result)]
        return min(starts), max(starts)

    (first_a, last_a), (first_b, last_b) = span(a), span(b)
    return first_a <= last_b and first_b <= last_a


def _pairs(a: Result, b: Result) -> dict[_Key, float]:
    """Differences of log medians by block; of all blocks where a process lacks valid ones."""
    ours, theirs = _log_medians(_usable(a)), _log_medians(_usable(b))
    common = ours.keys() & theirs.keys()
    if {key[:2] for key in common} != {key[:2] for key in ours.keys() | theirs.keys()}:
        ours, theirs = _log_medians(a.blocks), _log_medians(b.blocks)
        common = ours.keys() & theirs.keys()
    return {key: ours[key] - theirs[key] for key in sorted(common)}


def _unpaired(a: Result, b: Result) -> Interval:
    ours, theirs = (_per_process(_log_medians(_usable(result))) for result in (a, b))
    return difference_interval(ours, theirs, CONFIDENCE)


def _verdict(ratio: Interval) -> Verdict:
    if ratio.low is None or ratio.high is None:
        return "unclear"
    least = 1 - PRACTICAL  # and its inverse: what is said of a and b is said of b and a
    if ratio.high < least:
        return "faster"
    if ratio.low > 1 / least:
        return "slower"
    within = ratio.low > least and ratio.high < 1 / least
    return "same" if within else "unclear"


def _doubts(result: Result, latency: Interval, processes: int) -> Iterable[Doubt]:
    if processes < FEW_PROCESSES:
        noun = "process" if processes == 1 else "processes"
        sentence = f"measured in {processes} {noun}, at least {FEW_PROCESSES} needed"
        yield Doubt(code="few_processes", sentence=sentence)
    if latency.low is not None and latency.high is not None:
        half = (latency.high - latency.low) / 2 / latency.point
        if half > WIDE:
            rounded_up = math.ceil(1000 * half) / 10
            sentence = f"CI ±{rounded_up:.1f} %, limit ±{100 * WIDE:g} %"
            yield Doubt(code="wide_interval", sentence=sentence)
    disturbed = sum(not b.valid for b in result.blocks) / len(result.blocks)
    if disturbed > BUSY:
        sentence = (
            f"other programs busy during {100 * disturbed:.0f} % of its blocks, limit "
            f"{100 * BUSY:g} %"
        )
        yield Doubt(code="foreign_load", sentence=sentence)
