"""Evidence of segmentation into classes: pixels of each class in each image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sizewise.core.evidence.base import Evidence, FlawError, Weights, demand_length, shares_of

_MOST_CLASSES = 2**16


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassMaskEvidence(Evidence):
    """A row for each class that is in an image, by the truth or by the prediction.

    ``image`` is the image's place, ``label`` the class. Of its pixels, ``there`` are those of the
    truth, ``found`` those of the prediction, and ``hits`` those of both. Pixels that the data leave
    out are in none of them.
    """

    image: NDArray[np.integer]
    label: NDArray[np.integer]
    there: NDArray[np.integer]
    found: NDArray[np.integer]
    hits: NDArray[np.integer]

    task: ClassVar[str] = "segmentation into classes"
    types: ClassVar[Mapping[str, str]] = {
        "image": "<u4",
        "label": "<u4",
        "there": "<u4",
        "found": "<u4",
        "hits": "<u4",
    }

    def metrics(self, weights: Weights) -> dict[str, NDArray[np.float64]]:
        """mIoU: the mean over the classes that are in the images taken, by the truth or by the
        prediction."""
        ious = self.ious(weights)
        known = ~np.isnan(ious)
        sums = np.where(known, ious, 0).sum(axis=0)
        return {"miou": shares_of(sums, known.sum(axis=0).astype(np.float64))}

    def ious(self, weights: Weights) -> NDArray[np.float64]:
        """Intersection over union of each class of :attr:`labels`, 0–1 [classes, resamples]; NaN
        where it is in no image that is taken."""
        from scipy.sparse import csr_array

        labels, places = np.unique(self.label, return_inverse=True)
        if not len(labels):
            return np.empty((0, len(weights)))
        shape = (len(labels), self.count)
        where = (places, self.image.astype(np.int64))
        hits, there, found = (
            np.asarray(csr_array((pixels.astype(np.float64), where), shape=shape) @ weights.T)
            for pixels in (self.hits, self.there, self.found)
        )
        return shares_of(hits, there + found - hits)

    @property
    def labels(self) -> NDArray[np.integer]:
        """The classes that are in any image, in order."""
        return np.unique(self.label)

    def _check(self) -> None:
        demand_length(self.columns().values(), len(self.image))
        if (self.image >= self.count).any() or (np.diff(self.image.astype(np.int64)) < 0).any():
            raise FlawError("its images are not in order")
        if (self.label >= _MOST_CLASSES).any():
            raise FlawError("it has too many classes")
        if (self.hits > np.minimum(self.there, self.found)).any():
            raise FlawError("more pixels are hit than are there")
