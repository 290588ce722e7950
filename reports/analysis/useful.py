"""Rows whose accuracy was measured and is 0: their speed is worth nothing."""

from __future__ import annotations

from collections.abc import Iterable

from reports.columns import Row
from sizewise.core.trials import METRICS


def finds_nothing(row: Row) -> bool:
    """Whether its accuracy is 0, by the metric that networks of its task are compared by."""
    return any(row.score(metric) == 0 for metric in METRICS if metric.ranks)


def useful(rows: Iterable[Row]) -> list[Row]:
    """Those that find something, or whose accuracy was not measured."""
    return [row for row in rows if not finds_nothing(row)]
