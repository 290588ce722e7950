"""Intervals as columns of a row."""

from __future__ import annotations

import math

from sizewise.core.stats import Interval


def interval_columns(names: str, interval: Interval | None) -> dict[str, float]:
    """The columns of a figure and of the ends of its interval: ``load{}_ms`` names ``load_ms``,
    ``load_low_ms`` and ``load_high_ms``."""
    columns = [names.format(end) for end in ("", "_low", "_high")]
    if interval is None:
        return dict.fromkeys(columns, math.nan)
    ends = (interval.point, interval.low, interval.high)
    return dict(zip(columns, map(or_nan, ends), strict=True))


def or_nan(value: float | None) -> float:
    """``value``, or NaN where there is none."""
    return math.nan if value is None else value
