"""What a training writes of its steps, as far as it is the same on every machine."""

from __future__ import annotations

import csv
from pathlib import Path

OF_THE_MACHINE = ("images_per_s", "memory_mib")


def learned(path: Path) -> list[dict[str, str]]:
    """The rows of NAME.metrics.csv without the columns that differ from run to run."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{n: text for n, text in row.items() if n not in OF_THE_MACHINE} for row in rows]
