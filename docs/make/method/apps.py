"""What our latencies beside OpenVINO's benchmark_app come to, for docs/method.md."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

import numpy as np

from bench.audit.answers import Answer
from docs.make.method.records import MISSING, read_record
from docs.make.method.verdicts import Record
from docs.make.method.words import SAID, interval, span, where
from docs.make.pages import grid
from sizewise.core.stats import CONFIDENCE, Interval

WITHIN = 0.03
"""How far from 1 the median ratio may lie."""
BEFORE = (
    "All rounds were planned before any was taken. An earlier campaign, on a processor without "
    "AVX-512, gave 1.022 (1.00 to 1.05); 24 of its 36 rounds were added after the first 12 were "
    "seen."
)
_RESAMPLES, _SEED = 4000, 1


def median_of(engines: Sequence[Record], begin: int = 0, end: int | None = None) -> Interval:
    """The median over engines of ours ÷ benchmark_app, each the mean over some rounds (of log
    ratios); its interval is by bootstrap over rounds, which all engines share."""
    logs = [_logs(one)[begin:end] for one in engines]
    point = math.exp(statistics.median(map(statistics.fmean, logs)))
    rounds = min(map(len, logs))
    if rounds < 2:
        return Interval(point=point, low=None, high=None)
    random = np.random.default_rng(_SEED)
    drawn = random.integers(rounds, size=(_RESAMPLES, rounds))
    table = np.array([each[:rounds] for each in logs])
    medians = np.median(table[:, drawn].mean(axis=-1), axis=0)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.exp(np.quantile(medians, (tail, 1 - tail)))
    return Interval(point=point, low=float(low), high=float(high))


def app_answer(engines: Sequence[Record], planned: int, rounds: int) -> Answer:
    """Whether their median is certainly near enough to 1, by its interval; not shown before all had
    all their rounds."""
    if sum(len(one["rounds_ms"]) >= rounds for one in engines) < planned:
        return "not shown"
    found = median_of(engines)
    if found.low is None or found.high is None:
        return "not shown"
    if found.low >= 1 - WITHIN and found.high <= 1 + WITHIN:
        return "yes"
    return "no" if found.high < 1 - WITHIN or found.low > 1 + WITHIN else "not shown"


def benchmark_app() -> Sequence[str]:
    """Our sessions over OpenVINO's own tool, engine by engine."""
    record = read_record("method-benchmark-app")
    if record is None:
        return MISSING
    engines, planned, rounds = (record[each] for each in ("engines", "planned", "rounds"))
    rows = [
        (one["label"], str(len(one["rounds_ms"])), f"{one['ratio']:.3f}", interval(one))
        for one in engines
    ]
    found = median_of(engines)
    ends = "" if found.low is None else f" ({found.low:.3f} to {found.high:.3f}, by bootstrap)"
    return [
        f"The claim {SAID[app_answer(engines, planned, rounds)]}: the median ratio is within "
        f"{100 * WITHIN:g} % of 1. It is {found.point:.3f}{ends}, of {len(engines)} engines of "
        f"{planned}.{''.join(_by_side(engines))} {BEFORE}",
        "",
        *grid(("engine", "rounds", "ours ÷ benchmark_app", "95 % interval"), rows),
        "",
        where(record | span(engines)),
    ]


def _by_side(engines: Sequence[Record]) -> Iterator[str]:
    sides = dict.fromkeys(one["label"].rpartition(" at ")[2] for one in engines)
    if len(sides) > 1:
        for side in sides:
            own = [one for one in engines if one["label"].endswith(f" at {side}")]
            yield f" At {side} it is {median_of(own).point:.3f}."


def _logs(engine: Record) -> list[float]:
    return [math.log(one["ours"] / one["theirs"]) for one in engine["rounds_ms"]]
