"""Scores of classes in a classifier's outputs, logits or probabilities: both rank alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sizewise.core.errors import InferenceError, InputError
from sizewise.core.options.declared import spelled

LAYOUT = "b_c"
"""[B, C], or with further axes of 1: [B, C, 1, 1]."""


def has_form(shape: Sequence[object]) -> bool:
    """Whether an output of this shape may be scores of classes: one axis beside the batch is longer
    than 1, and the others are 1."""
    return len(shape) >= 2 and len([side for side in shape[1:] if side != 1]) == 1


def read_scores(outputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Scores [B, C] in an output called ``scores``, or else in the first that has the form.

    Raises InputError where there is none, InferenceError (numerics) for NaN.
    """
    fitting = [array for array in outputs.values() if has_form(array.shape)]
    found = outputs.get("scores", fitting[0] if fitting else None)
    if found is None or found.ndim < 2:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in outputs.items())
        raise InputError(
            "The outputs are no scores of classes",
            f"[B, C] is needed, or with further axes of 1; they are {shapes}",
            f"Give a classifier, or say with {spelled('layout')} what the outputs are.",
        )
    scores = found.reshape(len(found), -1).astype(np.float32, copy=False)
    if np.isnan(scores).any():
        raise InferenceError(
            "The network's outputs are no scores of classes",
            "scores are NaN",
            "Check the model in FP32, then the precision it was converted to.",
            reason_code="numerics",
        )
    return scores
