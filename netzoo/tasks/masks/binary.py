"""Masks: read from a model's outputs, and scored over a whole data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netzoo.tasks.figures import Figures
from netzoo.tasks.layouts import Outputs
from netzoo.tasks.letterbox import Letterbox
from netzoo.tasks.masks.structure import e_measure, s_measure
from sizewise.core.errors import InferenceError, InputError
from sizewise.core.evidence import MaskEvidence
from sizewise.core.evidence.base import images_hash
from sizewise.core.evidence.masks import f_measure, ious, mean_error
from sizewise.core.options.declared import spelled


def read_logits(outputs: Outputs, fitted: Letterbox) -> NDArray[np.float32]:
    """Logits over the picture's own pixels [H, W]; ``outputs`` are for a batch of one.

    Raises InputError without ``mask_logits`` [1, 1, height, width] over the input, InferenceError
    (numerics) for NaN.
    """
    expected = (1, 1, fitted.target.height, fitted.target.width)
    if "mask_logits" not in outputs or outputs["mask_logits"].shape != expected:
        given = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        raise InputError(
            "The model's outputs are no mask",
            f"mask_logits {list(expected)} was expected for one image, and there is {given}",
            f"Give a segmenter that was exported without {spelled('raw')}.",
        )
    logits = outputs["mask_logits"][0, 0]
    _demand_numbers(logits)
    return fitted.map_to_source(logits)


def probabilities(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The logistic function, in the form that does not overflow."""
    halves: NDArray[np.float64] = np.tanh(logits / 2, dtype=np.float64)
    return (1 + halves) / 2


def box_of(mask: NDArray[np.bool_]) -> list[int]:
    """Left, top, width and height in pixels of what is set in ``mask`` [H, W], which is not
    empty."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]


def _demand_numbers(logits: NDArray[np.floating[Any]]) -> None:
    if np.isnan(logits).any():
        raise InferenceError(
            "The network's output is no mask",
            "logits are NaN",
            "Check the model in FP32, then the precision it was converted to.",
            reason_code="numerics",
        )


@dataclass
class MaskScores:
    """Pixels counted image by image; rows are the truth, columns the prediction.

    Every score is over all pixels of all images together, so a large picture counts for more than a
    small one, and one without objects needs no rule of its own. (Papers on salient objects take the
    mean over images instead. S-measure and E-measure know no other: :meth:`structure`.)
    ``deviations`` are the sums of what MAE is the mean of.
    """

    by_image: list[NDArray[np.int64]] = field(default_factory=list)
    deviations: list[float] = field(default_factory=list)
    s_measures: list[float] = field(default_factory=list)
    e_measures: list[float] = field(default_factory=list)

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
        _demand_numbers(logits)
        both = 2 * (mask > 0).ravel() + (logits > 0).ravel()
        self.by_image.append(np.bincount(both, minlength=4).reshape(2, 2))
        self.deviations.append(float(np.abs(probabilities(logits) - (mask > 0)).sum()))

    def add_structure(
        self,
        logits: NDArray[np.floating[Any]],
        there: NDArray[np.bool_],
        counted: NDArray[np.bool_] | None = None,
    ) -> None:
        """S-measure and E-measure of one image [H, W]; ``counted`` are the pixels that count, None
        for all."""
        probable = probabilities(logits)
        self.s_measures.append(s_measure(probable, there, counted))
        of = ... if counted is None else counted
        self.e_measures.append(e_measure(probable[of], there[of]))

    def structure(self) -> Figures:
        """Their means over the images, as papers have them; None without any image."""
        each = {"s_measure": self.s_measures, "e_measure": self.e_measures}
        return Figures(values={name: fmean(of) if of else None for name, of in each.items()})

    @property
    def counts(self) -> NDArray[np.float64]:
        """Pixels of all images [2, 2]."""
        counts: NDArray[np.float64] = np.array([np.zeros((2, 2)), *self.by_image]).sum(axis=0)
        return counts

    @property
    def ious(self) -> tuple[float, float]:
        """Intersection over union of background and objects, 0–1; 1 where neither has any."""
        background, objects = ious(self.counts).tolist()
        return background, objects

    @property
    def miou(self) -> float:
        """Mean IoU over background and objects (Long et al. 2015, section 5), 0–1."""
        return sum(self.ious) / 2

    @property
    def f_measure(self) -> float:
        """F-measure of the objects, beta² = 0.3, 0–1, where an object is found at a probability
        above 0.5."""
        return float(f_measure(self.counts))

    @property
    def mae(self) -> float:
        """Mean absolute error of the probabilities (the logistic function of the logits) against
        masks of 0 and 1, 0–1, lower is better (Perazzi et al., "Saliency Filters", CVPR 2012,
        section 4). 0 where there are no pixels.
        """
        return float(mean_error(self.counts, np.asarray(sum(self.deviations))))

    def evidence(self, ids: Sequence[int]) -> MaskEvidence:
        """What was counted of each image; ``ids`` are the images', in the order of :meth:`add`."""
        order = np.argsort(ids, kind="stable")
        counts = np.array(self.by_image, np.int64).reshape(-1, 4)[order]
        return MaskEvidence(
            count=len(order),
            images=images_hash(ids[place] for place in order),
            true_background=counts[:, 0],
            false_alarms=counts[:, 1],
            misses=counts[:, 2],
            hits=counts[:, 3],
            deviation=np.array(self.deviations, np.float64)[order],
        )
