"""How well masks agree, over a whole data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sizewise.errors import InferenceError, InputError


@dataclass
class MaskScores:
    """Pixels counted image by image; rows are the truth, columns the prediction."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, 2), np.int64))

    def add(self, logits: NDArray[np.floating[Any]], mask: NDArray[np.uint8]) -> None:
        """One image: an object is where ``logits`` [H, W] > 0, and where ``mask`` [H, W] is 1.

        Raises InputError where the two differ in shape, InferenceError (numerics) for NaN.
        """
        if logits.shape != mask.shape:
            raise InputError(
                "Mask and prediction can't be compared",
                f"the prediction is {list(logits.shape)}, the mask {list(mask.shape)}",
                "Bring the prediction back to the picture's own size first.",
            )
        if np.isnan(logits).any():
            raise InferenceError(
                "The network's output is no mask",
                "logits are NaN",
                "Check the model in FP32, then the precision it was converted to.",
                reason_code="numerics",
            )
        both = 2 * (mask > 0).ravel() + (logits > 0).ravel()
        self.counts += np.bincount(both, minlength=4).reshape(2, 2)

    @property
    def ious(self) -> tuple[float, float]:
        """Intersection over union of background and objects, 0–1; 1 where neither has any."""
        shared = self.counts.diagonal()
        union = self.counts.sum(0) + self.counts.sum(1) - shared
        background, objects = np.where(union > 0, shared / np.maximum(union, 1), 1.0).tolist()
        return background, objects

    @property
    def miou(self) -> float:
        """Mean IoU over background and objects (Long et al. 2015, section 5), 0–1."""
        return sum(self.ious) / 2
