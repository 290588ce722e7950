"""Evidence of classification: the place of the right class in each image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sizewise.core.evidence.base import Evidence, FlawError, Weights, demand_length, shares_of

PLACES = {"top1": 1, "top5": 5}
"""Metric → the worst place that is a hit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassEvidence(Evidence):
    """``ranks`` [images]: 1 where the right class is the likeliest. A tie counts against it."""

    ranks: NDArray[np.integer]

    task: ClassVar[str] = "classification"
    types: ClassVar[Mapping[str, str]] = {"ranks": "<u4"}

    def metrics(self, weights: Weights) -> dict[str, NDArray[np.float64]]:
        images = weights.sum(axis=-1)
        hits = {name: weights @ (self.ranks <= worst) for name, worst in PLACES.items()}
        return {name: shares_of(found, images) for name, found in hits.items()}

    def _check(self) -> None:
        demand_length([self.ranks], self.count)
        if self.ranks.min(initial=1) < 1:
            raise FlawError("a place is below the first")
