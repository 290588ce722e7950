"""The history of the loss, by part and step."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from math import isnan, nan
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from sizewise.core.files import written_whole
from sizewise.core.specs import Size

_SHARE = 10
"""The inverse share of steps that counts as the end of a training: the last tenth."""

_STEP, _SIZE, _PART = "step", "size", "part."


Row = tuple[int, Size, Mapping[str, float]]
"""A step, its size and the weighted parts of its loss."""


class History:
    """The weighted parts of the loss at each step."""

    def __init__(self) -> None:
        self._steps: list[Row] = []

    @property
    def rows(self) -> tuple[Row, ...]:
        """What it was told, in order."""
        return tuple(self._steps)

    def add(self, step: int, size: Size, parts: Mapping[str, float]) -> None:
        self._steps.append((step, size, parts))

    def state(self) -> dict[str, Tensor]:
        """All that :meth:`restore` takes: a row per step; a missing part is NaN."""
        sizes = [(size.height, size.width) for _, size, _ in self._steps]
        found = {
            _STEP: torch.tensor([step for step, *_ in self._steps]),
            _SIZE: torch.tensor(sizes).reshape(-1, 2),
        }
        for number, name in enumerate(self._names()):
            values = [parts.get(name, nan) for *_, parts in self._steps]
            found[f"{_PART}{number}.{name}"] = torch.tensor(values, dtype=torch.float64)
        return found

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a :meth:`state`. Raises KeyError where something is missing."""
        numbered = (name.split(".", 2)[1:] for name in state if name.startswith(_PART))
        columns = {
            name: state[f"{_PART}{number}.{name}"].tolist()
            for number, name in sorted(numbered, key=lambda one: int(one[0]))
        }
        steps, sizes = state[_STEP].tolist(), state[_SIZE].tolist()
        self._steps = [
            (step, Size(*size), {n: v[row] for n, v in columns.items() if not isnan(v[row])})
            for row, (step, size) in enumerate(zip(steps, sizes, strict=True))
        ]

    def ending(self, steps: int = 0) -> dict[str, float]:
        """The mean of each part over the last ``steps``, or over the last tenth of all."""
        steps = steps or max(1, len(self._steps) // _SHARE)
        last = [parts for *_, parts in self._steps[-steps:]]
        return {name: fmean(parts[name] for parts in last if name in parts) for name in last[-1]}

    def summary(self) -> str:
        """The ending as text, such as ``mask 0.412, 0.5x 0.120``."""
        return ", ".join(f"{name} {value:.3f}" for name, value in self.ending().items())

    def save(self, path: Path) -> None:
        """Save as CSV with a row per step; a missing part is empty. Raises OutputError."""
        names = self._names()
        with written_whole(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, ["step", "size", *names])
            rows.writeheader()
            for step, size, parts in self._steps:
                rows.writerow({"step": step, "size": str(size), **parts})

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for *_, parts in self._steps for name in parts))
