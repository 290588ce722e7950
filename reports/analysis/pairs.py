"""Dynamic engines against per-resolution ones of the same model, back end and size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from reports.labels import PAIRED_BY
from reports.load import Records
from sizewise.core.stats import Ratio, compare_results


@dataclass(frozen=True, kw_only=True)
class Pair:
    """``ratio`` is the latency of the one engine for many sizes over that of the static one."""

    backend: str
    strategy: str
    engine: str
    static_engine: str
    size: str
    pixels: int
    ratio: Ratio
    trusted: bool


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A geometric mean of ratios with its 95% interval (None where a pair has none)."""

    ratio: float
    low: float | None
    high: float | None
    count: int


def find_pairs(records: Records) -> tuple[Pair, ...]:
    """Every measured engine that is not static with its static one, by size."""
    measured = records.frame[records.frame.median_ms.notna()]
    keys = [*PAIRED_BY, "size"]
    static = measured[measured.strategy == "static"].reset_index(names="row")
    others = measured[measured.strategy != "static"].reset_index(names="row")
    joined = others.merge(static, on=keys, suffixes=("", "_static"))
    ordered = joined.sort_values("pixels", kind="stable")
    return tuple(_pair(records, row) for _, row in ordered.iterrows())


def _pair(records: Records, row: pd.Series) -> Pair:
    many, one = records.results[row["row"]], records.results[row["row_static"]]
    ratio = compare_results(many, one)
    return Pair(
        backend=row["backend"],
        strategy=row["strategy"],
        engine=row["engine"],
        static_engine=row["engine_static"],
        size=row["size"],
        pixels=row["pixels"],
        ratio=ratio,
        # Measured apart in time, drift of the machine passes for a difference of the engines.
        trusted=ratio.paired and not row["doubts"] and not row["doubts_static"],
    )


def best_of(pairs: Sequence[Pair]) -> Sequence[Pair]:
    """The trusted ones; all of them where none is."""
    return [pair for pair in pairs if pair.trusted] or pairs


def geometric_mean(pairs: Sequence[Pair]) -> Mean:
    """Over ``pairs``, as they are: the interval is of the engines measured, not of other sizes.

    Ratios at different sizes come from different processes, so the half-widths of their log
    intervals add in quadrature. As these are Student's t with few degrees of freedom each, the
    interval of the mean is, if anything, too wide.
    """
    logs = [math.log(pair.ratio.ratio) for pair in pairs]
    mean = sum(logs) / len(logs)
    halves = [_log_half(pair.ratio) for pair in pairs]
    known = [half for half in halves if half is not None]
    half = math.hypot(*known) / len(pairs) if len(known) == len(pairs) else None
    return Mean(
        ratio=math.exp(mean),
        low=None if half is None else math.exp(mean - half),
        high=None if half is None else math.exp(mean + half),
        count=len(pairs),
    )


def _log_half(ratio: Ratio) -> float | None:
    if ratio.low is None or ratio.high is None:
        return None
    return (math.log(ratio.high) - math.log(ratio.low)) / 2


def by_backend(pairs: Iterable[Pair], strategy: str = "dynamic") -> dict[str, list[Pair]]:
    """Pairs of one strategy, in the order in which back ends first appear."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        if pair.strategy == strategy:
            groups.setdefault(pair.backend, []).append(pair)
    return groups
