"""Where a module runs is found from the example on, or from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.modules.sides import SaidSides, Sides, find_sides
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size

EXAMPLE = Size(320, 320)
Takes = Callable[[Size], bool]


def found(takes: Takes, *, stride: int = 0, smallest: int = 0, dynamic: bool = True) -> Sides:
    said = SaidSides(stride=stride, smallest=smallest, dynamic=dynamic)
    start = said.start(EXAMPLE)
    return find_sides("mine", said, start, lambda _: takes, runs_there=takes(start))


def multiples(stride: int, least: int = 1) -> Takes:
    def takes(size: Size) -> bool:
        sides = (size.height, size.width)
        return all(side >= least and not side % stride for side in sides)

    return takes


@given(
    stride=st.sampled_from([1, 2, 8, 14, 16, 32, 36, 48, 64, 112]),
    least=st.integers(1, 1000),
    said=st.booleans(),
)
def test_a_module_that_needs_more_than_the_example_is_found(
    stride: int, least: int, *, said: bool
) -> None:
    """R08: the best 900 of fewer candidates fail at 320, whatever the stride."""
    takes = multiples(stride, least)
    sides = found(takes, stride=stride if said else 0)
    assert (sides.stride, sides.smallest) == (stride, -(-least // stride) * stride)
    assert takes(sides.near)


@given(stride=st.sampled_from([8, 16, 32]), least=st.integers(321, 1000))
def test_the_least_size_that_is_said_moves_the_example(stride: int, least: int) -> None:
    sides = found(multiples(stride, least), stride=stride, smallest=least)
    assert (sides.stride, sides.smallest) == (stride, least)
    assert sides.near == Size(*[-(-least // stride) * stride] * 2)


@pytest.mark.parametrize("side", [28, 112, 224, 256, 299, 448, 1024])
@pytest.mark.parametrize("stride", [0, 1])
def test_a_module_of_one_size_is_answered_with_it(side: int, stride: int) -> None:
    def takes(size: Size) -> bool:
        return size == Size(side, side)

    with pytest.raises(UsageError, match=rf"runs at {side}x{side}, .* Give size {side}, and fix"):
        found(takes, stride=stride)
    with pytest.raises(UsageError, match=rf"but it does at {side}x{side}. Give size {side}\."):
        found(takes, stride=stride, dynamic=False)


def test_a_stride_that_is_too_small_is_answered_with_the_right_one() -> None:
    with pytest.raises(UsageError, match=r"multiples of 32, but at those of 128. Give stride 128"):
        found(multiples(128), stride=32)


@pytest.mark.parametrize("dynamic", [False, True])
def test_a_module_that_runs_nowhere_is_left_to_its_error(*, dynamic: bool) -> None:
    sides = found(lambda _: False, stride=32, smallest=64, dynamic=dynamic)
    assert sides == Sides(stride=32, smallest=64, near=EXAMPLE)


def test_a_fixed_size_is_left_as_it_is() -> None:
    sides = found(lambda _: True, stride=16, dynamic=False, smallest=350)
    assert sides == Sides(stride=16, smallest=350, near=Size(352, 352))
