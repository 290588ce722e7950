"""The history of a training, step by step: the loss by its parts, and how fast it went."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from sizewise.core.files import written_whole
from sizewise.core.specs import Size

_SHARE = 10
"""The inverse share of steps that counts as the end of a training: the last tenth."""

_STEP, _SIZE, _PART, _FIGURE = "step", "size", "part.", "figure."
_BEFORE = ("step", "epoch", "size", "images", "loss")
_AFTER = ("learning_rate", "images_per_s", "memory_mib")
_MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Row:
    """A step: its size and the weighted ``parts`` of its loss.

    ``images`` are those of all processes. ``images_per_s`` and ``memory_bytes`` (the peak so far,
    of this process or of its GPU) are of the machine: no two runs have the same. What is not known
    is NaN.
    """

    step: int
    size: Size
    parts: Mapping[str, float]
    images: float = nan
    learning_rate: float = nan
    images_per_s: float = nan
    memory_bytes: float = nan

    @property
    def loss(self) -> float:
        """What is minimised: the sum of the parts."""
        return sum(self.parts.values())


_FIGURES = ("images", "learning_rate", "images_per_s", "memory_bytes")


class History:
    """The steps of a training; an epoch has ``epoch_images`` images (0: not known)."""

    def __init__(self, epoch_images: int = 0) -> None:
        self._epoch_images = epoch_images
        self._rows: list[Row] = []

    @property
    def rows(self) -> tuple[Row, ...]:
        """What it was told, in order."""
        return tuple(self._rows)

    def add(self, row: Row) -> None:
        self._rows.append(row)

    def state(self) -> dict[str, Tensor]:
        """All that :meth:`restore` takes: a row per step; a missing part is NaN."""
        sizes = [(row.size.height, row.size.width) for row in self._rows]
        found = {
            _STEP: torch.tensor([row.step for row in self._rows]),
            _SIZE: torch.tensor(sizes).reshape(-1, 2),
        }
        for number, name in enumerate(self._names()):
            values = [row.parts.get(name, nan) for row in self._rows]
            found[f"{_PART}{number}.{name}"] = torch.tensor(values, dtype=torch.float64)
        for name in _FIGURES:
            values = [getattr(row, name) for row in self._rows]
            found[f"{_FIGURE}{name}"] = torch.tensor(values, dtype=torch.float64)
        return found

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a :meth:`state`. Raises KeyError where something is missing; figures may be,
        in a state of before there were any."""
        numbered = (name.split(".", 2)[1:] for name in state if name.startswith(_PART))
        columns = {
            name: state[f"{_PART}{number}.{name}"].tolist()
            for number, name in sorted(numbered, key=lambda one: int(one[0]))
        }
        figures = {n: state[f"{_FIGURE}{n}"].tolist() for n in _FIGURES if f"{_FIGURE}{n}" in state}
        steps, sizes = state[_STEP].tolist(), state[_SIZE].tolist()
        self._rows = [
            Row(
                step=step,
                size=Size(*size),
                parts={n: values[at] for n, values in columns.items() if not isnan(values[at])},
                **{name: values[at] for name, values in figures.items()},
            )
            for at, (step, size) in enumerate(zip(steps, sizes, strict=True))
        ]

    def ending(self, steps: int = 0) -> dict[str, float]:
        """The mean of each part over the last ``steps``, or over the last tenth of all."""
        steps = steps or max(1, len(self._rows) // _SHARE)
        last = [row.parts for row in self._rows[-steps:]]
        return {name: fmean(parts[name] for parts in last if name in parts) for name in last[-1]}

    def summary(self) -> str:
        """The ending as text, such as ``mask 0.412, 0.5x 0.120``."""
        return ", ".join(f"{name} {value:.3f}" for name, value in self.ending().items())

    def save(self, path: Path) -> None:
        """Save as CSV with a row per step; what is missing is empty. Raises OutputError."""
        parts = self._names()
        with written_whole(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, [*_BEFORE, *parts, *_AFTER])
            rows.writeheader()
            rows.writerows(self._lines())

    def _lines(self) -> Iterator[dict[str, object]]:
        seen = 0.0
        for row in self._rows:
            seen += row.images
            yield {
                "step": row.step,
                "epoch": _shown(seen / self._epoch_images if self._epoch_images else nan, 4),
                "size": str(row.size),
                "images": _shown(row.images, 0),
                "loss": row.loss,
                **row.parts,
                "learning_rate": _shown(row.learning_rate),
                "images_per_s": _shown(row.images_per_s, 2),
                "memory_mib": _shown(row.memory_bytes / _MIB, 1),
            }

    def _names(self) -> list[str]:
        return list(dict.fromkeys(name for row in self._rows for name in row.parts))


def _shown(value: float, digits: int | None = None) -> str:
    """Empty where it is not known."""
    if isnan(value):
        return ""
    return repr(value) if digits is None else f"{value:.{digits}f}"
