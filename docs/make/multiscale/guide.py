"""What the processor's guide publishes, from reports/published."""

from __future__ import annotations

from collections.abc import Mapping

from reports.published.table import read_published


def published(table: str, column: str) -> Mapping[str, float]:
    """A column of the guide's ``table`` by the part that a row is of, or else by its fusion."""
    rows = read_published(f"processor-{table}").rows
    return {row.label or row.fusion: float(row.values[column]) for row in rows}


def latencies() -> Mapping[int, Mapping[str, float]]:
    """Milliseconds by the input's side and by fusion."""
    found: dict[int, dict[str, float]] = {}
    for row in read_published("processor-inference-time").rows:
        if row.size:
            found.setdefault(row.size.width, {})[row.fusion] = float(row.values["latency"])
    return found


def about(count: float) -> str:
    """``~25 M``, as the guide writes parameters."""
    return f"~{count / 1e6:g} M"
