"""What an engine may take and cost, and by how much a row misses it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reports.columns import Row
from reports.text.words import number as told
from sizewise.core.options.declared import option
from sizewise.core.options.reading import choice, number, optional, whole

LATENCIES: Mapping[str, str] = {
    "median": "latency_ms",
    "p90": "latency_p90_ms",
    "p99": "latency_p99_ms",
}
"""The column of each percentile."""
POINT = 0.01
"""One point of AP, mIoU or top-1."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The options of ``sizewise best``; None is no limit, ``batch`` None the smallest measured."""

    max_latency_ms: float | None = option(
        optional(number(above=0)), None, help="Longest latency of a call, in ms.", group="Budget"
    )
    max_memory_mib: float | None = option(
        optional(number(above=0)),
        None,
        help="Peak memory of a process with the engine, in MiB; on a GPU, the GPU's.",
        group="Budget",
    )
    max_loss_points: float | None = option(
        optional(number(0)),
        None,
        help="Largest accuracy loss in points (0.01), against the most accurate engine measured.",
        group="Budget",
        shown="none that the images can tell",
    )
    percentile: str = option(
        choice(*LATENCIES),
        "median",
        help="The latency that the budget is for: of half of all calls, 90 % or 99 %.",
        group="Budget",
    )
    batch: int | None = option(
        optional(whole(1)), None, help="Images in a call.", group="Budget", shown="the smallest"
    )

    def latency_of(self, row: Row) -> float:
        """Milliseconds; NaN where this percentile was not measured."""
        return float(getattr(row, LATENCIES[self.percentile]))

    def misses(self, row: Row, loss: float) -> tuple[Miss, ...]:
        """What of the budget ``row`` does not meet; ``loss`` is its accuracy loss, 0–1."""
        return tuple(self._misses(row, loss))

    def _misses(self, row: Row, loss: float) -> Iterator[Miss]:
        name = "latency" if self.percentile == "median" else self.percentile
        yield from _over(name, self.latency_of(row), self.max_latency_ms, "ms")
        yield from _over("memory", memory_of(row), self.max_memory_mib, "MiB")
        yield from _over("accuracy loss", loss / POINT, self.max_loss_points, "points")


@dataclass(frozen=True, kw_only=True)
class Miss:
    """``what`` of the budget is missed: ``value`` is over ``limit``, or NaN where it was not
    measured; both in ``unit``."""

    what: str
    value: float
    limit: float
    unit: str

    @property
    def share(self) -> float:
        """By how much, as a share of the limit; infinite where it is not known."""
        if math.isnan(self.value):
            return math.inf
        return (self.value - self.limit) / self.limit if self.limit else math.inf

    def __str__(self) -> str:
        if math.isnan(self.value):
            return f"{self.what} not measured"
        over = told(self.value - self.limit)
        return f"{self.what} {told(self.value)} {self.unit}, {over} {self.unit} over"


def memory_of(row: Row) -> float:
    """MiB of the GPU where the engine is on one, else of the process; NaN: not measured."""
    return row.peak_mib if math.isnan(row.gpu_mib) else row.gpu_mib


def _over(what: str, value: float, limit: float | None, unit: str) -> Iterator[Miss]:
    if limit is not None and not value <= limit * (1 + 1e-12):  # NaN is over every limit
        yield Miss(what=what, value=value, limit=limit, unit=unit)
