"""Rows whose speed is worth nothing: their accuracy is 0, or nothing speaks for their outputs."""

from __future__ import annotations

import math
from collections.abc import Iterable

from reports.columns import Row
from sizewise.core.trials import METRICS


def finds_nothing(row: Row) -> bool:
    """Whether its accuracy is 0, by the metric that networks of its task are compared by."""
    return any(row.score(metric) == 0 for metric in METRICS if metric.ranks)


def is_in_doubt(row: Row) -> bool:
    """Whether its error against FP32 is out of bound, and no accuracy says what that costs."""
    return bool(row.out_of_bound) and all(math.isnan(row.score(metric)) for metric in METRICS)


def why_none(rows: Iterable[Row]) -> str:
    """Why none of ``rows`` is useful, in a sentence without its full stop."""
    nothing = {finds_nothing(row) for row in rows}
    if nothing == {True}:
        return "No engine finds anything"
    if nothing == {False}:
        return "The error of every engine against FP32 is out of bound"
    return "Every engine finds nothing, or its error against FP32 is out of bound"


def useful(rows: Iterable[Row]) -> list[Row]:
    """Those that find something and, where that was not measured, are not in doubt."""
    return [row for row in rows if not finds_nothing(row) and not is_in_doubt(row)]
