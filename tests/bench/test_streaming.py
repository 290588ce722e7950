"""What changes cost does not depend on the speed that the machine has in the stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.streaming import Streamed
from sizewise.core.specs import Size

ALONE = (5.0, 10.0, 20.0)
PLACES = ((0, Size(64, 64)), (0, Size(96, 96)), (1, Size(160, 160)))
COSTS = {0: 3.0, 1: 1.0}


def streamed(order: tuple[int, ...], speed: float) -> Streamed:
    changed = [a != b for a, b in zip((order[0], *order), order, strict=False)]
    ms = (
        speed * ALONE[now] + (COSTS[PLACES[now][0]] if change else 0.0)
        for now, change in zip(order, changed, strict=True)
    )
    return Streamed(
        places=PLACES, order=order, stream_ms=tuple(ms), alone_ms=ALONE, resident_bytes=None
    )


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 2.0))
def test_costs_of_changes_are_found_at_any_speed(seed: int, speed: float) -> None:
    order = tuple(np.random.default_rng(seed).integers(0, 3, 500).tolist())
    assert streamed(order, speed).switch_ms() == pytest.approx(COSTS)


def test_where_each_picture_changes_the_speed_is_that_of_calls_alone() -> None:
    order = (0, 1, 2) * 10
    assert streamed(order, 1.0).switch_ms() == pytest.approx(COSTS)


def test_one_place_has_no_changes() -> None:
    assert streamed((1,) * 30, 1.0).switch_ms() == {}


@given(st.floats(0.5, 2.0))
def test_pictures_spread_by_changes_and_not_by_the_speed(speed: float) -> None:
    order = (0,) * 150 + (1, 0) * 30
    ratios = streamed(order, speed).ratios()
    assert ratios[1:150] == pytest.approx(1.0)
    changed = [ALONE[now] * speed + COSTS[0] for now in order[150:]]
    assert ratios[150:] == pytest.approx(
        [ms / (ALONE[now] * speed) for ms, now in zip(changed, order[150:], strict=True)]
    )
