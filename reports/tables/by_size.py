"""Tables with a row per engine and a column per size. Each function gives nothing for no rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from reports.analysis.pairs import Mean, Pair
from reports.analysis.tradeoffs import best_score, scored_by
from reports.columns import COLUMNS, NONE, Row
from reports.grouping import grouped, sizes_of
from reports.text.grid import grid, plain
from reports.text.words import measured, times
from sizewise.core.specs import Size
from sizewise.core.stats import Ratio
from sizewise.core.trials import Metric

SIDE_BY_SIDE = 6
"""Sizes in one table; more of them go into the next."""
UNRELIABLE = " †"


def by_size(title: str, rows: Iterable[Row], cell: Callable[[Row], str]) -> str:
    """Engines down, sizes across, in pages of ``SIDE_BY_SIDE`` sizes."""
    rows = list(rows)
    texts = {(row.engine, row.size): cell(row) for row in rows}
    return _pages(f"{title}, H×W", sizes_of(rows), texts)


def _pages(title: str, sizes: Sequence[Size], texts: Mapping[tuple[str, Size], str]) -> str:
    engines = list(dict.fromkeys(engine for engine, _ in texts))
    pages = [sizes[start : start + SIDE_BY_SIDE] for start in range(0, len(sizes), SIDE_BY_SIDE)]
    return "\n\n".join(
        grid(
            [title, *map(times, page)],
            [
                [plain(engine), *(texts.get((engine, size), NONE) for size in page)]
                for engine in engines
            ],
        )
        for page in pages
    )


def latency_table(rows: Sequence[Row]) -> str:
    """Median milliseconds per call, with interval; the fastest engine of each size is bold."""
    sizes = grouped((row for row in rows if row.measured), lambda row: row.size)
    fastest = {size: min(row.latency_ms for row in group) for size, group in sizes.items()}

    def cell(row: Row) -> str:
        if not row.measured:
            return row.status
        text = f"**{row.latency}**" if row.latency_ms == fastest[row.size] else row.latency
        return text + ("" if row.reliable else UNRELIABLE)

    return by_size(COLUMNS["latency_ms"].heading, rows, cell)


def accuracy_table(rows: Iterable[Row], metric: Metric) -> str:
    """One metric (0–1) of every engine at every size; the best is bold."""
    column = COLUMNS[metric.name]
    scored = scored_by(rows, metric)
    best = column.text(best_score((row.score(metric) for row in scored), metric))

    def cell(row: Row) -> str:
        text = row.text(metric.name)
        return f"**{text}**" if text == best else text

    return by_size(column.heading, scored, cell)


def memory_table(rows: Iterable[Row]) -> str:
    """Peak resident MiB of a child that holds one engine, and what the engine added to it."""
    known = (row for row in rows if row.result.memory is not None)
    return by_size(
        COLUMNS["peak_mib"].heading,
        known,
        lambda row: f"{row.text('peak_mib')} (+{row.text('engine_memory_mib')})",
    )


def gpu_memory_table(rows: Iterable[Row]) -> str:
    """MiB of GPU memory of that child, and what the engine was predicted to need."""
    known = (
        row for row in rows if not (math.isnan(row.gpu_mib) and math.isnan(row.gpu_predicted_mib))
    )
    column = COLUMNS["gpu_mib"]
    return by_size(
        f"{column.title}: measured (predicted) ({column.unit})",
        known,
        lambda row: f"{row.text('gpu_mib')} ({row.text('gpu_predicted_mib')})",
    )


def ratio_table(pairs: Sequence[Pair]) -> str:
    """Latency of one engine for many sizes over that of the engine made for the size; bold where
    the difference is significant."""
    texts = {(pair.row.engine, pair.row.size): _ratio(pair) for pair in pairs}
    return _pages("latency ratio, H×W", sizes_of(pair.row for pair in pairs), texts)


def _ratio(pair: Pair) -> str:
    text = ratio_text(pair.ratio)
    text = f"**{text}**" if pair.significant else text
    return text + ("" if pair.reliable else UNRELIABLE)


def ratio_text(value: Ratio | Mean) -> str:
    """A ratio with its interval: ``1.172 (1.053–1.304)``."""
    low, high = (math.nan if end is None else end for end in (value.low, value.high))
    return measured(value.ratio, low, high, places=3)
