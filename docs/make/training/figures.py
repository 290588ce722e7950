"""What the trainings of an experiment found, read from their records."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sizewise.core.specs import Size


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training: ``plain`` is as docs.make.training.running writes it."""

    plain: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.plain["name"])

    @property
    def command(self) -> str:
        """The training's."""
        return str(self.plain["commands"][0])

    def figure(self, side: int, name: str, metric: str = "coco") -> float:
        """One of the figures (0–1) of a ``--metric``."""
        return float(self._row(side, metric)["figures"][name])

    def ap_by_class(self, side: int, metric: str = "coco") -> Mapping[str, float]:
        found: Mapping[str, float] = self._row(side, metric)["ap_by_class"]
        return found

    @property
    def sizes_seen(self) -> tuple[Size, ...]:
        """The input size of each step."""
        return tuple(Size.parse(row["size"]) for row in self._steps())

    @property
    def steps_s(self) -> float:
        """Seconds of its steps, whatever interrupted them."""
        return sum(float(row["images"]) / float(row["images_per_s"]) for row in self._steps())

    def _steps(self) -> Iterator[Mapping[str, str]]:
        return csv.DictReader(self.plain["losses"])

    def _row(self, side: int, metric: str) -> Mapping[str, Any]:
        """Of a square."""
        rows: list[Mapping[str, Any]] = self.plain["evaluated"][metric]
        (found,) = (one for one in rows if Size.parse(one["size"]) == Size(side, side))
        return found


def runs_of(record: Mapping[str, Any]) -> tuple[Run, ...]:
    return tuple(Run(plain=one) for one in record["runs"])
