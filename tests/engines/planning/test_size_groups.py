"""Sizes in groups, and one profile for each."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.planning.size_groups import group_sizes, plan_profiles
from sizewise.core.errors import UsageError
from sizewise.core.specs import Profile, Size

SIZES = st.lists(
    st.builds(Size, st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=20, unique=True
)
SQUARE = tuple(Size(side, side) for side in range(224, 449, 32))


def pixels(size: Size) -> tuple[int, Size]:
    return size.pixels, size


@given(SIZES, st.data())
def test_a_number_gives_groups_in_order_as_equal_as_they_can_be(
    sizes: list[Size], data: st.DataObject
) -> None:
    asked = data.draw(st.integers(1, len(sizes)))
    groups = group_sizes(sizes, str(asked))
    assert len(groups) == asked
    assert list(chain(*groups)) == sorted(sizes, key=pixels)
    numbers = [len(group) for group in groups]
    assert max(numbers) - min(numbers) <= 1
    assert min(numbers) >= 1


@given(SIZES)
def test_three_profiles_are_usual_or_one_per_size(sizes: list[Size]) -> None:
    assert group_sizes(sizes, "") == group_sizes(sizes, str(min(3, len(sizes))))


@given(SIZES, st.data())
def test_bounds_share_all_sizes_out_and_none_exceeds_its_own(
    sizes: list[Size], data: st.DataObject
) -> None:
    largest = Size(41, 41)
    bounds = [*sorted(data.draw(st.sets(st.sampled_from(sizes))), key=pixels), largest]
    sizes = [largest, *sizes]
    groups = group_sizes(sizes, ",".join(map(str, bounds)))
    assert sorted(chain(*groups), key=pixels) == sorted(sizes, key=pixels)
    for bound, group in zip(bounds, groups, strict=True):
        assert all(size.height <= bound.height and size.width <= bound.width for size in group)


@given(SIZES, st.data())
def test_every_size_that_the_model_takes_is_admitted(
    sizes: list[Size], data: st.DataObject
) -> None:
    taken = data.draw(st.lists(st.sampled_from(sizes), min_size=1, unique=True))
    asked = data.draw(st.integers(1, len(sizes)))
    profiles = plan_profiles(sizes, str(asked), taken)
    assert 1 <= len(profiles) <= min(asked, len(taken))
    assert all(any(profile.admits(size) for profile in profiles) for size in taken)
    for group in group_sizes(sizes, str(asked)):
        kept = [size for size in group if size in taken]
        assert not kept or any(all(map(profile.admits, kept)) for profile in profiles)


def test_bounds_are_the_largest_sizes_of_their_profiles() -> None:
    assert plan_profiles(SQUARE, "288,352,448", SQUARE) == (
        Profile(min=Size(224, 224), opt=Size(256, 256), max=Size(288, 288)),
        Profile(min=Size(320, 320), opt=Size(352, 352), max=Size(352, 352)),
        Profile(min=Size(384, 384), opt=Size(416, 416), max=Size(448, 448)),
    )


def test_a_size_goes_to_a_bound_that_is_as_high_and_as_wide() -> None:
    # 96x32 has fewer pixels than 64x64, and does not fit into it.
    low, wide = Size(64, 32), Size(32, 96)
    assert group_sizes([low, wide], "64x64,96x96") == ((low,), (wide,))


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("0", "there are 8 sizes for 0 profiles"),
        ("9", "there are 8 sizes for 9 profiles"),
        ("9" * 30, "there are 8 sizes for 9{18} profiles"),
        ("352,288,448", "must grow"),
        ("288,288,448", "must grow"),
        ("288,352", "none of these is as large as the requested size 384x384"),
        ("64,448", "no requested size is left for 64x64"),
        ("288,some", "'some' isn't a size"),
        ("288:352:32", "'288:352:32' isn't a size"),
    ],
)
def test_profiles_that_can_not_be_are_refused_with_their_reason(asked: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        group_sizes(SQUARE, asked)


def test_no_more_profiles_than_sizes_are_read() -> None:
    for asked in ("9" * 5000, ",".join(map(str, range(1, 10**5)))):
        with pytest.raises(UsageError, match=r"there are 8 sizes for 9+ profiles") as caught:
            group_sizes(SQUARE, asked)
        assert len(str(caught.value)) < 500
