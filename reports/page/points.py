"""What the plot and the budget slider of a page know: a record per row, and decisions by budget."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from reports.analysis.tradeoffs import RANKED_BY
from reports.choice.budget import Budget, memory_of
from reports.choice.choosing import choose
from reports.choice.telling import told
from reports.columns import Row
from reports.load import Records
from reports.plots.axes import finite
from sizewise.core.trials import Metric

_MOST_STEPS = 200
"""Budgets that a decision is computed for, at the most."""


def points(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """A record per row with a latency. Where no accuracy was measured, the score is the side of a
    square of as many pixels."""
    known = finite(rows)
    metric = ranking(known)
    return [{"id": number, **_point(row, metric)} for number, row in enumerate(known)]


def ranking(rows: Sequence[Row]) -> Metric | None:
    """What rows are ranked by; None where accuracy was not measured."""
    return next((m for m in RANKED_BY if any(math.isfinite(r.score(m)) for r in rows)), None)


def steps(records: Records) -> list[dict[str, Any]]:
    """The decision from each budget of latency on where it may change, the smallest first:
    ``from_ms``, the ``ids`` of the engines that it ships, and what it says.

    A larger budget lets slower rows in. One of them can only change the decision where it is more
    accurate than all faster ones or, without accuracies, the fastest of its size.
    """
    known = finite(records.rows)
    ids = {row: number for number, row in enumerate(known)}
    return [_step(limit, records, ids) for limit in _limits(known)[:_MOST_STEPS]]


def _step(limit: float, records: Records, ids: Mapping[Row, int]) -> dict[str, Any]:
    budget = Budget(max_latency_ms=limit)
    choices = [one for one in choose(records, budget) if one.chosen is not None]
    chosen = [one.chosen for one in choices if one.chosen is not None]
    return {
        "from_ms": limit,
        "ids": [ids[row] for row in chosen if row in ids],
        "said": [told(one, budget, records)[0] for one in choices],
    }


def _limits(rows: Sequence[Row]) -> list[float]:
    """The latencies at which the decision may change."""
    metric = ranking(rows)
    if metric is None:
        ordered = sorted(rows, key=lambda row: row.latency_ms)
        fastest = {(row.size, row.nms): row.latency_ms for row in reversed(ordered)}
        return sorted(set(fastest.values()))
    return sorted(set(_records(rows, metric)))


def _records(rows: Sequence[Row], metric: Metric) -> Iterator[float]:
    """Latencies of rows that are more accurate than all faster ones with NMS at the same place."""
    for nms in {row.nms for row in rows}:
        own = [row for row in rows if row.nms == nms and math.isfinite(row.score(metric))]
        own.sort(key=lambda row: (row.latency_ms, -row.score(metric)))
        best = accumulate((row.score(metric) for row in own), max, initial=-1.0)
        for row, before in zip(own, best, strict=False):
            if row.score(metric) > before:
                yield row.latency_ms


def _point(row: Row, metric: Metric | None) -> dict[str, Any]:
    score = math.sqrt(row.size.pixels) if metric is None else row.score(metric)
    return {
        "engine": row.engine,
        "backend": row.backend,
        "strategy": row.strategy,
        "size": row.text("size"),
        "precision": row.precision,
        "latency": _known(row.latency_ms),
        "low": _known(row.latency_low_ms),
        "high": _known(row.latency_high_ms),
        "score": _known(score),
        "score_low": _known(row.accuracy_low),
        "score_high": _known(row.accuracy_high),
        "memory": _known(memory_of(row)),
        "rate": _known(row.images_per_s),
        "calls": row.calls,
        "disturbed": "; ".join(row.disturbances),
    }


def _known(value: float) -> float | None:
    """None for what was not measured: JSON has no NaN."""
    return value if math.isfinite(value) else None
