"""A row of the results table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from reports.columns.calls import CallColumns
from reports.columns.costs import AccuracyColumns, BuildColumns, MemoryColumns
from reports.columns.declaring import Column, columns_of
from reports.columns.engine import EngineColumns, TrialColumns
from reports.columns.latency import LatencyColumns
from reports.text.words import measured
from sizewise.core.trials import Metric, Result


@dataclass(frozen=True, kw_only=True, eq=False)
class Row(
    EngineColumns,
    TrialColumns,
    LatencyColumns,
    CallColumns,
    AccuracyColumns,
    MemoryColumns,
    BuildColumns,
):
    """One result with all that is known of it. Two rows are equal where they are the same object.

    Every field but ``result`` and ``parts`` is a column. A result that is not ``ok`` has neither
    latency nor accuracy, whatever samples it may hold.
    """

    result: Result
    parts: tuple[tuple[str, float], ...] = ()
    """Each part of a call with its milliseconds, in order; some engines have parts of their own."""

    @property
    def disturbed(self) -> bool:
        """Whether the row is marked: its milliseconds may not be the machine's own."""
        return bool(self.disturbances)

    @property
    def measured(self) -> bool:
        """Whether there is a latency."""
        return not math.isnan(self.latency_ms)

    @property
    def latency(self) -> str:
        """The median with its interval in milliseconds: ``12.34 (12.31–12.38)``."""
        return measured(self.latency_ms, self.latency_low_ms, self.latency_high_ms)

    @property
    def where(self) -> str:
        """Engine and size: ``openvino static at 288×288``."""
        return f"{self.engine} at {self.text('size')}"

    def score(self, metric: Metric) -> float:
        """NaN where it was not measured."""
        return float(getattr(self, metric.name))

    def text(self, name: str) -> str:
        """The value of a column as a report writes it."""
        return COLUMNS[name].text(getattr(self, name))


COLUMNS: Mapping[str, Column] = {
    name: column for part in Row.__bases__ for name, column in columns_of(part).items()
}
"""By name, in the order of the table."""
