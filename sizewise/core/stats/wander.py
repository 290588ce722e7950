"""By how much milliseconds wandered while ratios stood."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sizewise.core.stats.estimates import Array
from sizewise.core.stats.measured import Measured, measured
from sizewise.core.trials import Result

WANDERING = 0.05
"""From here on, a report says: take the ratios, not the milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Wander:
    """The standard deviation of block medians as a share: of the ``anchor``, a kernel that is
    always the same, or of the ``engines`` themselves where there is none."""

    share: float
    of: Literal["anchor", "engines"]

    @property
    def much(self) -> bool:
        return self.share >= WANDERING


def wander(results: Iterable[Result]) -> Wander | None:
    """How milliseconds wandered over the rounds that count; None with fewer than two."""
    rows = [measured(result) for result in results if result.blocks]
    anchor = _anchor(rows)
    if len(anchor) > 1:
        return Wander(share=_share([anchor - anchor.mean()], 1), of="anchor")
    engines = [row.log_ns - row.log_ns.mean() for row in rows]
    if sum(map(len, engines)) <= len(engines):
        return None
    return Wander(share=_share(engines, len(engines)), of="engines")


def _anchor(rows: Iterable[Measured]) -> Array:
    """Of each round once: all engines of it hold the same."""
    found = {
        key: float(row.log_anchor_ns[place])
        for row in rows
        for key, place in row.keys.items()
        if not math.isnan(row.log_anchor_ns[place])
    }
    return np.array(list(found.values()), dtype=np.float64)


def _share(centred: Sequence[Array], means: int) -> float:
    values = np.concatenate(centred)
    return math.expm1(math.sqrt(float(np.sum(values**2)) / (len(values) - means)))
