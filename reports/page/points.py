"""What the plot and the budget slider of a page know: a record per row, and decisions by budget."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from reports.analysis.tradeoffs import RANKED_BY
from reports.analysis.useful import useful
from reports.choice.budget import Budget, memory_of
from reports.choice.choosing import Choice, choose
from reports.choice.telling import described
from reports.columns import Row
from reports.findings.phrases import warning
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
    ``from_ms``, the ``ids`` of the engines that it ships, and what it says."""
    ids = {row: number for number, row in enumerate(finite(records.rows))}
    limits = _limits(choose(records, Budget()))[:_MOST_STEPS]
    return [step for limit in limits if (step := _step(limit, records, ids))["ids"]]


def _step(limit: float, records: Records, ids: Mapping[Row, int]) -> dict[str, Any]:
    """It says nothing of how many engines fit: that changes with each, the decision does not."""
    budget = Budget(max_latency_ms=limit)
    shipped = [(one.chosen, one) for one in choose(records, budget) if one.chosen in ids]
    return {
        "from_ms": limit,
        "ids": [ids[row] for row, _ in shipped if row is not None],
        "said": [
            f"Ship {described(row, one, budget)}.{warning([row])}"
            for row, one in shipped
            if row is not None
        ],
    }


def _limits(choices: Iterable[Choice]) -> list[float]:
    """The latencies at which the decision may change; the last is that of no budget."""
    found = {row.latency_ms for choice in choices for row in _deciding(choice)}
    return sorted(found)


def _deciding(choice: Choice) -> Iterator[Row]:
    """A larger budget lets slower rows in. One of them only changes the decision where it is more
    accurate than all faster ones: without accuracies, the fastest alone. Where medians and ratios
    disagree on which is the fastest, the ratio decides, so the chosen one is among them as well."""
    metric, best = choice.metric, -math.inf
    rows = useful(finite(choice.among))
    scores = {row: 0.0 if metric is None else row.score(metric) for row in rows}
    for row in sorted(rows, key=lambda row: (row.latency_ms, -scores[row])):
        if scores[row] > best:
            best = scores[row]
            yield row
    if choice.chosen is not None:
        yield choice.chosen


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
