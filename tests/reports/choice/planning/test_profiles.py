"""Bounds of profiles: no other cut is nearer to the pictures, and every size has its profile."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.planning.size_groups import plan_profiles
from reports.choice.planning.demand import Demand, joined
from reports.choice.planning.profiles import profile_bounds, profile_sizes
from sizewise.core.specs import Size
from sizewise.core.specs.plan import InputRule
from sizewise.core.specs.traffic import Traffic

RULE = InputRule(side_px=640, stride=32, smallest_px=1, letterbox=True)
sides = st.integers(1, 20).map(lambda side: 32 * side)
pictures = st.lists(st.builds(Size, sides, sides), min_size=1, max_size=12)


def demand(*came: Size) -> Demand:
    return Demand.of(Traffic.of(came, name="x", made="x"), RULE)


def distance(of: Demand, cuts: tuple[int, ...]) -> float:
    """The mean pixels between what a picture asks for and the nearest to all of its group."""
    found = 0.0
    for start, end in pairwise((0, *cuts, len(of.sizes))):
        pixels = np.array([size.pixels for size in of.sizes[start:end]])
        shares = np.array(of.shares[start:end])
        found += min(float(shares @ np.abs(pixels - middle)) for middle in pixels)
    return found


@given(pictures, st.integers(1, 4))
def test_no_other_cut_is_nearer_to_the_pictures(came: list[Size], count: int) -> None:
    of = demand(*came)
    total = len(of.sizes)
    bounds = profile_bounds(of, count)
    every = combinations(range(1, total), min(count, total) - 1)
    by_bounds = {
        tuple(dict.fromkeys(joined(of.sizes[:end]) for end in (*cuts, total))): distance(of, cuts)
        for cuts in sorted(every, key=lambda cuts: -distance(of, cuts))
    }
    assert by_bounds[bounds] == pytest.approx(min(by_bounds.values()))


@given(pictures, st.integers(1, 4))
def test_an_engine_with_these_profiles_takes_all_that_comes(came: list[Size], count: int) -> None:
    of = demand(*came)
    bounds = profile_bounds(of, count)
    sizes = profile_sizes(of, bounds)
    profiles = plan_profiles(sizes, ",".join(map(str, bounds)), sizes)
    assert tuple(profile.max for profile in profiles) == bounds
    for size in of.sizes:
        assert any(profile.admits(size) for profile in profiles)


def test_most_pictures_are_near_what_their_profile_is_tuned_for() -> None:
    small, middle, large = Size(96, 96), Size(320, 320), Size(352, 352)
    of = demand(*[small] * 50, *[middle] * 45, *[large] * 5)
    assert profile_bounds(of, 2) == (small, large)
    assert profile_bounds(of, 9) == (small, middle, large)
