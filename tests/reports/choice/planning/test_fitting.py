"""A model over sizes gives back what it was made by, and says where it does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.choice.planning.fitting import fit
from sizewise.core.specs import Size

SIZES = [Size(320, 320), Size(320, 416), Size(416, 416), Size(512, 640), Size(640, 640)]
PARAMETER = st.floats(0.001, 10)


@given(a=PARAMETER, b=PARAMETER, c=PARAMETER)
def test_what_follows_the_model_is_found_at_every_size(a: float, b: float, c: float) -> None:
    def truth(size: Size) -> float:
        return float(a + b * size.pixels**0.5 / 400 + c * size.pixels / 160_000)

    found = fit({size: truth(size) for size in SIZES})
    assert found is not None
    assert found.holds
    for size in (Size(352, 352), Size(480, 480), Size(640, 320)):
        assert found.covers(size)
        assert found.at(size) == pytest.approx(truth(size), rel=1e-4)
    assert not found.covers(Size(96, 96))
    assert not found.covers(Size(640, 672))


@given(st.lists(st.floats(0.1, 100), min_size=len(SIZES), max_size=len(SIZES)))
def test_it_never_falls_as_a_size_grows(values: list[float]) -> None:
    found = fit(dict(zip(SIZES, values, strict=True)))
    assert found is not None
    at = [found.at(Size(side, side)) for side in range(320, 640, 32)]
    assert all(np.diff(at) >= -1e-9)


def test_the_error_is_that_at_a_size_that_was_left_out() -> None:
    values = {Size(side, side): float(side * side) for side in (320, 384, 448, 512, 576)}
    values[Size(448, 448)] *= 1.2
    found = fit(values)
    assert found is not None
    assert not found.holds
    assert found.error == pytest.approx(1 - 1 / 1.2, abs=0.02)


def test_three_sizes_are_too_few() -> None:
    assert fit(dict.fromkeys(SIZES[:3], 1.0)) is None
    # Four of two numbers of pixels tell no more than two.
    assert fit({Size(1, 2): 1.0, Size(2, 1): 1.0, Size(2, 2): 2.0, Size(1, 4): 2.0}) is None
