"""The history of the loss, by part and step."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

from sizewise.core.files import written_whole
from sizewise.core.specs import Size

_SHARE = 10
"""The inverse share of steps that counts as the end of a training: the last tenth."""


class History:
    """The weighted parts of the loss at each step."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, Size, Mapping[str, float]]] = []

    def add(self, step: int, size: Size, parts: Mapping[str, float]) -> None:
        self._steps.append((step, size, parts))

    def ending(self) -> dict[str, float]:
        """The mean of each part over the last tenth of the steps."""
        last = [parts for *_, parts in self._steps[-max(1, len(self._steps) // _SHARE) :]]
        return {name: fmean(parts[name] for parts in last if name in parts) for name in last[-1]}

    def summary(self) -> str:
        """The ending as text, such as ``mask 0.412, 0.5x 0.120``."""
        return ", ".join(f"{name} {value:.3f}" for name, value in self.ending().items())

    def save(self, path: Path) -> None:
        """Save as CSV with a row per step; a missing part is empty. Raises OutputError."""
        names = list(dict.fromkeys(name for *_, parts in self._steps for name in parts))
        with written_whole(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, ["step", "size", *names])
            rows.writeheader()
            for step, size, parts in self._steps:
                rows.writerow({"step": step, "size": str(size), **parts})
