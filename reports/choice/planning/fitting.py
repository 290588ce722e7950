"""A figure over input sizes, from those that were measured: a model with few parameters, and its
error where a size is left out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from sizewise.core.specs import Size

LARGEST_ERROR = 0.05
"""Of a model that stands for measurements, at a size that was left out of it, as a share."""
LEAST = 4
"""Sizes that a model is made of: it has three parameters, and one size is left out."""


@dataclass(frozen=True)
class Fit:
    """``a + b·√(H·W) + c·H·W`` with no parameter below 0, so that it never falls as a size grows.

    ``error`` is the largest at a size between the others that was left out, as a share of what was
    measured there: the model stands for no size beyond them.
    ``least`` and ``most`` are the smallest and the largest number of pixels that it was made of.
    """

    parameters: tuple[float, ...]
    error: float
    least: int
    most: int

    @property
    def holds(self) -> bool:
        """Whether it may stand for a measurement."""
        return self.error <= LARGEST_ERROR

    def covers(self, size: Size) -> bool:
        """Whether ``size`` lies between sizes that were measured."""
        return self.least <= size.pixels <= self.most

    def at(self, size: Size) -> float:
        return float(_features((size,))[0] @ np.array(self.parameters))


def fit(measured: Mapping[Size, float]) -> Fit | None:
    """The model of figures above 0; None of fewer than four sizes."""
    if len({size.pixels for size in measured}) < LEAST:
        return None
    sizes, values = list(measured), np.array(list(measured.values()))
    pixels = [size.pixels for size in sizes]
    inner = (n for n, one in enumerate(pixels) if min(pixels) < one < max(pixels))
    left_out = (abs(_predicted(sizes, values, place) / values[place] - 1) for place in inner)
    return Fit(
        parameters=tuple(map(float, _solved(sizes, values))),
        error=float(max(left_out)),
        least=min(pixels),
        most=max(pixels),
    )


def _predicted(sizes: list[Size], values: NDArray[np.float64], place: int) -> float:
    """At one size, by a model of the others."""
    others = [*range(place), *range(place + 1, len(sizes))]
    parameters = _solved([sizes[one] for one in others], values[others])
    return float(_features((sizes[place],))[0] @ parameters)


def _solved(sizes: Iterable[Size], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """By least squares of relative errors: the smallest size counts as much as the largest."""
    features = _features(sizes) / values[:, None]
    scale = features.max(axis=0)
    solved, _ = nnls(features / scale, np.ones(len(values)))
    return np.asarray(solved / scale)


def _features(sizes: Iterable[Size]) -> NDArray[np.float64]:
    return np.array([(1.0, size.pixels**0.5, float(size.pixels)) for size in sizes])
