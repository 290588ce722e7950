"""How the findings speak of a row."""

from __future__ import annotations

import math
from collections.abc import Iterable

from reports.columns import Row
from reports.text.verdicts import CI
from reports.text.words import measured
from sizewise.core.trials import Metric

FEW = 3
"""Rows or engines that a sentence names one by one."""


def latency(row: Row) -> str:
    """``12.3 ms (95 % CI 12.2–12.4)``, and of how many images where it is not one."""
    unit = " ms" if row.batch_size == 1 else f" ms per batch of {row.batch_size}"
    ends = row.latency_low_ms, row.latency_high_ms
    return measured(row.latency_ms, *ends, digits=3, unit=unit, named=CI)


def score(row: Row, metric: Metric) -> str:
    """``AP 0.515 (0.491–0.540)``, with the interval where there is one."""
    ends = row.accuracy_low, row.accuracy_high
    known = not any(map(math.isnan, ends))
    interval = f" ({'–'.join(f'{end:.3f}' for end in ends)})" if known else ""
    return f"{metric.title} {row.text(metric.name)}{interval}"


def warning(rows: Iterable[Row]) -> str:
    """A sentence with the disturbances of ``rows``, each once; empty without any."""
    why = "; ".join(dict.fromkeys(reason for row in rows for reason in row.disturbances))
    return f" Warning: {why}." if why else ""
