"""How often the right class is the likeliest, or among the five likeliest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """Shares of the images, 0–1."""

    top1: float
    top5: float


def score_classes(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> ClassScores:
    """``scores`` [N, C] and the right ``labels`` [N], N at least 1.

    A tie counts against the right class, so that a network that can't tell scores nothing.
    """
    return shares_of_ranks(right_ranks(scores, labels))


def shares_of_ranks(ranks: NDArray[np.int64]) -> ClassScores:
    """The shares from the place of the right class in each image [N]."""
    return ClassScores(top1=float((ranks <= 1).mean()), top5=float((ranks <= 5).mean()))


def right_ranks(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of the right class in each image [N]: 1 where it is the likeliest."""
    right = np.take_along_axis(scores, labels[:, None], axis=1)
    # Not "greater or equal": a score that is no number must not rank first.
    ranks: NDArray[np.int64] = (~(scores < right)).sum(1)
    return ranks
