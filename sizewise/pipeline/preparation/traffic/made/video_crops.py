"""Objects cut out of a video of 1920 × 1080 pixels, frame by frame."""

from __future__ import annotations

import math
from collections.abc import Iterator

from numpy.random import Generator

from sizewise.core.specs import Size
from sizewise.pipeline.preparation.traffic.made._entry import MadeTraffic

_FRAME = Size(1080, 1920)
_LEAST = 32
_SIDE, _SPREAD = 220.0, 0.6
"""The geometric mean of an object's size in pixels, and the spread of its logarithm."""
_UPRIGHT, _SHAPES = 0.35, 0.3
"""The mean of the logarithm of height over width, as of people; and its spread."""
_FRAMES = 25
"""The mean number of frames that an object is seen in; its size drifts meanwhile."""
_DRIFT = 0.03


def _sizes(rng: Generator) -> Iterator[Size]:
    while True:
        side = math.log(_SIDE) + _SPREAD * rng.standard_normal()
        shape = _UPRIGHT + _SHAPES * rng.standard_normal()
        for _ in range(rng.geometric(1 / _FRAMES)):
            side += _DRIFT * rng.standard_normal()
            height, width = math.exp(side + shape / 2), math.exp(side - shape / 2)
            yield Size(_within(height, _FRAME.height), _within(width, _FRAME.width))


def _within(side: float, most: int) -> int:
    return min(max(round(side), _LEAST), most)


TRAFFIC = (
    MadeTraffic(
        name="video-crops",
        description="Made up: objects cut out of a video of 1920×1080, 25 frames each in the mean, "
        "higher than wide, nearer and farther.",
        sizes=_sizes,
    ),
)
