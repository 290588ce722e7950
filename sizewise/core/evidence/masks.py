"""Evidence of segmentation: pixels of each image, counted by truth and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sizewise.core.evidence.base import Evidence, FlawError, Weights, demand_length, shares_of

Counts = NDArray[np.float64]
"""Pixels [..., 2, 2]: rows are the truth, columns the prediction, background before objects."""

BETA_SQUARED = 0.3
"""Weight of the F-measure: precision counts for more than recall, as is the custom for salient and
camouflaged objects (Achanta et al., "Frequency-tuned Salient Region Detection", CVPR 2009)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskEvidence(Evidence):
    """Pixels of each image by truth and prediction, and ``deviation``, the sum over its pixels of
    what MAE is the mean of."""

    true_background: NDArray[np.integer]
    false_alarms: NDArray[np.integer]
    misses: NDArray[np.integer]
    hits: NDArray[np.integer]
    deviation: NDArray[np.float64]

    task: ClassVar[str] = "segmentation"
    types: ClassVar[Mapping[str, str]] = {
        "true_background": "<u4",
        "false_alarms": "<u4",
        "misses": "<u4",
        "hits": "<u4",
        "deviation": "<f8",
    }

    def metrics(self, weights: Weights) -> dict[str, NDArray[np.float64]]:
        cells = (self.true_background, self.false_alarms, self.misses, self.hits)
        counts = weights @ np.stack(cells, axis=1).astype(np.float64)
        counts = counts.reshape(*counts.shape[:-1], 2, 2)
        return {
            "miou": ious(counts).mean(axis=-1),
            "f_measure": f_measure(counts),
            "mae": mean_error(counts, weights @ self.deviation),
        }

    def _check(self) -> None:
        columns = self.columns()
        demand_length(columns.values(), self.count)
        if not (np.isfinite(self.deviation).all() and self.deviation.min(initial=0) >= 0):
            raise FlawError("a deviation is no number of pixels")


def ious(counts: Counts) -> NDArray[np.float64]:
    """Intersection over union of background and objects, 0–1 [..., 2]; 1 where neither has any."""
    shared = np.diagonal(counts, axis1=-2, axis2=-1)
    union = counts.sum(-2) + counts.sum(-1) - shared
    return shares_of(shared.astype(np.float64), union, without=1.0)


def f_measure(counts: Counts) -> NDArray[np.float64]:
    """F-measure of the objects, 0–1 [...]: (1 + beta²) · precision · recall / (beta² · precision +
    recall). 1 where there is nothing to find and nothing was found, 0 where only one of the two is
    so."""
    false_alarms, misses, hits = counts[..., 0, 1], counts[..., 1, 0], counts[..., 1, 1]
    weighted_hits = (1 + BETA_SQUARED) * hits
    possible = weighted_hits + BETA_SQUARED * misses + false_alarms
    return shares_of(weighted_hits, possible, without=1.0)


def mean_error(counts: Counts, deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """``deviation`` over the number of pixels [...]; 0 where there are none."""
    return shares_of(deviation, counts.sum((-2, -1)).astype(np.float64), without=0.0)
