"""By how much milliseconds wandered while ratios stood."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sizewise.core.stats.estimates import Array
from sizewise.core.stats.measured import Key, Measured, measured
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
    anchors = [logs - logs.mean() for logs in _anchors(rows)]
    if sum(map(len, anchors)) > len(anchors):
        return Wander(share=_share(anchors, len(anchors)), of="anchor")
    engines = [row.log_ns - row.log_ns.mean() for row in rows]
    if sum(map(len, engines)) <= len(engines):
        return None
    return Wander(share=_share(engines, len(engines)), of="engines")


def _anchors(rows: Iterable[Measured]) -> list[Array]:
    """Of each kernel, each round once: all engines of it hold the same."""
    found: dict[str, dict[Key, float]] = {}
    for row in rows:
        for key, place in row.keys.items():
            if not math.isnan(row.log_anchor_ns[place]):
                of_kernel = found.setdefault(row.blocks[place].anchor, {})
                of_kernel[key] = float(row.log_anchor_ns[place])
    return [np.array(list(of_kernel.values())) for of_kernel in found.values()]


def _share(centred: Sequence[Array], means: int) -> float:
    values = np.concatenate(centred)
    return math.expm1(math.sqrt(float(np.sum(values**2)) / (len(values) - means)))
