"""How the findings speak of a row, a ratio and a mean."""

from __future__ import annotations

import math
from collections.abc import Iterable

from reports.analysis.pairs import Mean
from reports.columns import Row
from reports.text.words import measured, percent
from sizewise.core.stats import CONFIDENCE, PRACTICAL

CI = f"{percent(CONFIDENCE)} CI "
NO_DIFFERENCE = "no significant latency difference"


def latency(row: Row) -> str:
    """``12.3 ms (95 % CI 12.2–12.4)``, and of how many images where it is not one."""
    unit = " ms" if row.batch_size == 1 else f" ms per batch of {row.batch_size}"
    ends = row.latency_low_ms, row.latency_high_ms
    return measured(row.latency_ms, *ends, digits=3, unit=unit, named=CI)


def warning(rows: Iterable[Row]) -> str:
    """A sentence with the warnings of ``rows``, each once; empty without any."""
    why = "; ".join(dict.fromkeys(reason for row in rows for reason in row.warnings))
    return f" Warning: {why}." if why else ""


def speed_up(ratio: float, low: float | None, high: float | None) -> str:
    """``4.77× (95 % CI 4.67–4.87) faster than``, or ``as fast as`` where that is not certain."""
    ends = (math.nan if end is None else end for end in (low, high))
    text = measured(ratio, *ends, places=2, unit="×", named=CI)
    faster = ratio > 1 if low is None else low > 1
    return f"{text} {'faster than' if faster else 'as fast as'}"


def change(ratio: float) -> str:
    """A ratio as a signed difference: ``+4.2 %``, never ``−0.0 %``."""
    rounded = round(100 * (ratio - 1), 1) or 0.0
    return f"{rounded:+.1f} %".replace("-", "−")


def price(mean: Mean) -> str:
    """What a ratio of latencies comes to: ``+4.2 % latency``, or that it does not differ."""
    if mean.low is None or mean.high is None or mean.low > 1 or mean.high < 1:
        return f"{change(mean.ratio)} latency"
    small = mean.high - 1 < PRACTICAL and 1 - mean.low < PRACTICAL
    return "the same latency" if small else NO_DIFFERENCE
