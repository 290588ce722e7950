from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.checks.sides import find_stride, fits, least_side
from sizewise.core.specs import Size

strides = st.sampled_from([1, 2, 4, 8, 14, 16, 28, 32, 48, 64, 128])


@given(stride=strides, height=st.integers(16, 700), width=st.integers(16, 700))
def test_the_stride_of_a_module_is_found(stride: int, height: int, width: int) -> None:
    def runs(size: Size) -> bool:
        return not size.height % stride and not size.width % stride

    near = Size(height, width)
    assert find_stride(runs, near) == stride
    assert fits(runs, 2 * stride, near)
    assert stride == 1 or not fits(runs, stride // 2, near)


@given(
    patch=st.sampled_from([2, 4, 8, 16, 32]),
    window=st.sampled_from([2, 4, 7, 8]),
    height=st.integers(200, 700),
    width=st.integers(200, 700),
)
def test_the_stride_of_windows_of_patches_is_found(
    patch: int, window: int, height: int, width: int
) -> None:
    """Patches leave out what is no whole one, so that sides next to each other are the same."""

    def runs(size: Size) -> bool:
        return all(side // patch % window == 0 for side in (size.height, size.width))

    near = Size(*(-(-side // (patch * window)) * patch * window for side in (height, width)))
    assert find_stride(runs, near) == patch * window


@given(stride=strides, cells=st.integers(1, 40), more=st.integers(0, 40))
def test_the_least_side_is_found(stride: int, cells: int, more: int) -> None:
    least = cells * stride

    def runs(size: Size) -> bool:
        return min(size.height, size.width) >= least

    assert least_side(runs, stride, least + more * stride) == least


def test_a_module_that_runs_at_no_size_has_no_stride() -> None:
    assert find_stride(lambda _: False, Size(320, 320)) is None
