"""A metric over all images, and over resamples of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sizewise.core.errors import RecordError

Floats = NDArray[np.float64]
Metrics = Callable[[Floats], dict[str, Floats]]
"""Metrics by name [rows], over the images that each row of weights [rows, images] takes."""

RESAMPLES = 1000
"""For percentiles of 2.5 and 97.5 %."""
FEWEST = 100
"""For a standard error: 50 to 200 are enough (Efron and Tibshirani, "An Introduction to the
Bootstrap", 1993, section 6.4)."""
SEED = 0
_DIGITS = 12
_AT_ONCE = 2**23
"""Weights in one array, at most about."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Values:
    """A metric over the images (``whole``) and over resamples of them, at most ``RESAMPLES``; NaN
    where it is not defined for one."""

    whole: float
    resampled: Floats

    def __sub__(self, other: Values) -> Values:
        """The differences, without what rounding leaves of equal values: that is no difference."""
        return Values(
            whole=round(self.whole - other.whole, _DIGITS),
            resampled=(self.resampled - other.resampled).round(_DIGITS),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Resampled:
    """The values of each metric, by name."""

    values: dict[str, Values]

    def of(self, metric: str) -> Values:
        """Raises RecordError where there is no such metric."""
        if metric not in self.values:
            raise RecordError(
                f"There is no interval of {metric}",
                f"the accuracy was measured as {', '.join(self.values)}",
                "Choose one of these.",
            )
        return self.values[metric]


def resample(metrics: Metrics, count: int, resamples: int = RESAMPLES) -> Resampled:
    """``metrics`` over ``count`` images, resampled with a fixed seed: whatever is measured on the
    same images is resampled alike."""
    parts = [metrics(weights) for weights in _weights(count, resamples)]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Resampled(
        values={
            name: Values(whole=float(value[0]), resampled=value[1:])
            for name, value in found.items()
        }
    )


def _weights(count: int, resamples: int) -> Iterator[Floats]:
    """Weights [some, count]: each image once, then ``resamples`` choices with replacement."""
    random = np.random.default_rng(SEED)
    first = np.ones((1, count))
    step = max(1, _AT_ONCE // count)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        taken = random.integers(count, size=(rows, count)) + count * np.arange(rows)[:, None]
        weights = np.bincount(taken.ravel(), minlength=rows * count)
        yield np.concatenate([first, weights.reshape(rows, count)])
        first = np.empty((0, count))
