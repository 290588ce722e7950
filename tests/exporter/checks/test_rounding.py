"""The error of a channel that shares one scale with larger ones."""

from __future__ import annotations

import numpy as np

from exporter.checks.rounding import rounding_errors
from sizewise.core.specs import Size
from tests.exporter.small_nets import Array, Net, pictures

SIZES = ((16, 32), (32, 16))


def errors(factors: list[float], reach: float, steps: int = 127) -> float:
    net = Net()
    scaled = net.add("Mul", "images", net.hold(np.array(factors).reshape(1, 3, 1, 1)))
    batches: list[tuple[Size, Array]] = [(Size(*one), pictures(*one)) for one in SIZES]
    (error,) = rounding_errors(net.model({scaled: 4}), {scaled: reach}, steps, batches).values()
    return error


def test_a_small_channel_loses_most() -> None:
    """What is even from 0 to 1 is a step / sqrt(12) off, of sqrt(1 / 3)."""
    step = 100 / 127
    alike = errors([100.0, 100.0, 100.0], 100)
    assert np.isclose(alike, step / 12**0.5 / (100 / 3**0.5), rtol=0.1)
    assert errors([100.0, 100.0, 0.1], 100) == 1
    assert alike < errors([100.0, 100.0, 10.0], 100) < 1


def test_it_is_over_all_pictures_and_what_is_clipped_counts() -> None:
    images = [pictures(*one) for one in SIZES]
    kept = [np.minimum(one, 0.5) for one in images]
    axes = (0, 2, 3)
    off = sum(np.square(a - b).sum(axes) for a, b in zip(images, kept, strict=True))
    of = sum(np.square(one).sum(axes) for one in images)
    assert np.isclose(errors([1.0] * 3, 0.5, 10**6), np.sqrt(off / of).max(), rtol=1e-4)


def test_a_channel_of_zeros_has_no_error() -> None:
    assert errors([0.0, 0.0, 0.0], 0.0) == 0
    assert errors([1.0, 1.0, 1.0], 0.0) == 1
