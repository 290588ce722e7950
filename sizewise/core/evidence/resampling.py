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
SEED = 0
_DIGITS = 12
_AT_ONCE = 2**23
"""Weights in one array, at most about."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Values:
    """A metric over the images (``whole``) and over resamples of them [RESAMPLES]; NaN where it is
    not defined for one."""

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


def resample(metrics: Metrics, count: int) -> Resampled:
    """``metrics`` over ``count`` images, resampled with a fixed seed: whatever is measured on the
    same images is resampled alike."""
    whole = metrics(np.ones((1, count)))
    parts = [metrics(weights) for weights in _resamples(count)]
    return Resampled(
        values={
            name: Values(
                whole=float(value[0]), resampled=np.concatenate([part[name] for part in parts])
            )
            for name, value in whole.items()
        }
    )


def _resamples(count: int) -> Iterator[Floats]:
    """Weights [some, count] of RESAMPLES choices with replacement."""
    random = np.random.default_rng(SEED)
    step = max(1, _AT_ONCE // count)
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        taken = random.integers(count, size=(rows, count)) + count * np.arange(rows)[:, None]
        weights = np.bincount(taken.ravel(), minlength=rows * count)
        yield weights.reshape(rows, count).astype(np.float64)
