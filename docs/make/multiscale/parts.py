"""Parts of the processor beside the guide's, from the record of their cost (docs/multiscale.md)."""

from __future__ import annotations

from collections.abc import Mapping

from docs.make.method.records import read_record
from reports.published.reproduced import Found
from reports.published.table import PublishedTable

_RECORD = "multiscale-cost"
_SIDE, _MB = 352, 1e6
_SCALES = {"0.5×": 192, "1.0×": _SIDE, "1.5×": 544}
"""The scaled sides of the input of 352 pixels, rounded up to the stride."""
WORDS = {
    "processor-memory": (
        "what a training step in eager PyTorch adds to its process, on this CPU; the integration "
        "is hierarchical, above average (docs/multiscale.md)"
    ),
    "processor-parameters": "counted; the total is the sum of these parts (docs/multiscale.md)",
}


def parts_of(table: PublishedTable) -> dict[tuple[int, str], Found]:
    """By row number and column; empty for a table that has no parts, or without the record."""
    record = read_record(_RECORD)
    if record is None or table.name not in WORDS:
        return {}
    if table.name == "processor-memory":
        name, found = "memory", _memory(record)
    else:
        name, found = "parameters", _parameters(record)
    return {(place, name): Found(value=found[row.label]) for place, row in enumerate(table.rows)}


def _memory(record: Mapping[str, list[dict[str, float]]]) -> dict[str, float]:
    """Megabytes."""
    steps = {
        (step["fusion"], step["side"]): (step["peak_bytes"] - step["before_bytes"]) / _MB
        for step in record["training"]
        if not step["how"]
    }
    whole = steps["hierarchical", _SIDE]
    alone = {scale: steps["single", side] for scale, side in _SCALES.items()}
    return alone | {"integration": whole - steps["average", _SIDE], "total": whole}


def _parameters(record: Mapping[str, Mapping[str, Mapping[str, int]]]) -> dict[str, float]:
    counts = record["parameters"]
    parts: dict[str, float] = {
        "backbone": counts["absi"]["backbone"],
        "ABSI units × 4": counts["absi"]["fusion"],
        "hierarchical units × 4": counts["hierarchical"]["fusion"],
        "prediction heads × 3": counts["absi"]["heads of scales"],
    }
    return parts | {"total": sum(parts.values())}
