"""What repeats: processes, or builds where they differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from sizewise.core.stats.estimates import Array

BUILDS_DIFFER = 0.05
"""Builds are the clusters where the test for equal means has a p value under this."""


def clusters(values: Array, rebuilds: Sequence[int]) -> Array:
    """``values`` [wave] as they are, or their means by build where builds differ.

    Two builds of one model may choose other kernels. Processes of a build then share its luck, and
    only builds are independent of each other (F test of one-way analysis of variance).
    """
    return _means(values, rebuilds) if builds_differ(values, rebuilds) else values


def builds_differ(values: Array, rebuilds: Sequence[int]) -> bool:
    """Whether the means of builds lie further apart than their processes tell."""
    labels = np.asarray(rebuilds)
    among, within = len(set(rebuilds)) - 1, len(values) - len(set(rebuilds))
    if among < 1 or within < 1:
        return False
    centres = {label: float(values[labels == label].mean()) for label in set(rebuilds)}
    fitted = np.array([centres[label] for label in rebuilds])
    inside = float(np.sum((values - fitted) ** 2)) / within
    outside = float(np.sum((fitted - values.mean()) ** 2)) / among
    if inside == 0:
        return outside > 0
    return float(special.fdtrc(among, within, outside / inside)) < BUILDS_DIFFER


def _means(values: Array, rebuilds: Sequence[int]) -> Array:
    labels = np.asarray(rebuilds)
    return np.array([values[labels == label].mean() for label in sorted(set(rebuilds))])
