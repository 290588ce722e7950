"""How far the channels of a tensor move where one scale rounds all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporter.calibration.observe import Batches
from exporter.calibration.running import InnerSession

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]


def rounding_errors(
    model: onnx.ModelProto, reach: Mapping[str, float], steps: int, batches: Batches
) -> dict[str, float]:
    """The error of tensors [B, C, …] with so many steps from 0 to their ``reach``: that of the
    channel that is furthest off, as its root mean square over that of the channel's values.

    A small channel beside a large one loses most: scores beside boxes in pixels.
    """
    session = InnerSession(model, tuple(reach))
    sums = {name: np.zeros((2, 1)) for name in reach}
    for size, batch in batches:
        for name, values in zip(reach, session.run(size, batch), strict=True):
            both = [_rounded(values, reach[name], steps) - values, values]
            sums[name] = sums[name] + np.array([_squares_by_channel(one) for one in both])
    return {name: _largest_ratio(*both) for name, both in sums.items()}


def _rounded(values: Array, reach: float, steps: int) -> Array:
    if not reach:
        return np.zeros_like(values)
    step = reach / steps
    rounded: Array = np.clip(np.rint(values / step), -steps, steps) * step
    return rounded


def _squares_by_channel(values: Array) -> Array:
    squares: Array = np.square(values, dtype=np.float64).sum(axis=(0, *range(2, values.ndim)))
    return squares


def _largest_ratio(errors: Array, values: Array) -> float:
    live = values > 0
    return float(np.sqrt(errors[live] / values[live]).max(initial=0.0))
