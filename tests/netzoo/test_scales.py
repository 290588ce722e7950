from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netzoo.scales import STRIDE, Scales
from sizewise.core.errors import UsageError
from sizewise.core.specs import Size

factors = st.lists(
    st.integers(7, 400).map(lambda percent: percent / 100), min_size=1, max_size=4, unique=True
).map(lambda found: tuple(sorted({*found, 1.0})))


def test_352_gives_192_352_and_544() -> None:
    scales = Scales((0.5, 1.0, 1.5))
    sizes = [scales.size(Size(352, 352), place) for place in range(3)]
    assert sizes == [Size(192, 192), Size(352, 352), Size(544, 544)]


def test_why_not_the_guides_rule() -> None:
    """Its ``max(32, int(side * scale) // 32 * 32)`` has 160 and 512 of 352: every scale is smaller
    than asked, the one that is there for fine detail, too. (And ``int`` bakes the example's size
    into an exported graph: tests/exporter/checks/test_mistakes.py.)"""
    scales = Scales((0.5, 1.0, 1.5))
    guide = [max(32, int(352 * factor) // 32 * 32) for factor in scales.factors]
    asked = [352 * factor for factor in scales.factors]
    ours = [scales.scaled(352, place) for place in range(3)]
    assert guide == [160, 352, 512]
    assert all(one <= wanted for one, wanted in zip(guide, asked, strict=True))
    assert all(one >= wanted for one, wanted in zip(ours, asked, strict=True))


@given(given_factors=factors, cells=st.integers(1, 60))
def test_a_side_is_rounded_up_to_the_stride(given_factors: tuple[float, ...], cells: int) -> None:
    scales = Scales(given_factors)
    for place, factor in enumerate(given_factors):
        asked = Fraction(str(factor)) * cells * STRIDE
        side = scales.scaled(cells * STRIDE, place)
        assert side % STRIDE == 0
        assert side - STRIDE < asked <= side
        if factor == 1:
            assert side == cells * STRIDE


@given(given_factors=factors)
def test_no_scale_gets_less_than_a_stride_of_the_smallest_input(
    given_factors: tuple[float, ...],
) -> None:
    scales = Scales(given_factors)
    assert scales.smallest % STRIDE == 0
    assert min(given_factors) * scales.smallest >= STRIDE - 1e-9
    assert scales.smallest >= 2 * STRIDE
    less = scales.smallest - STRIDE
    assert less < 2 * STRIDE or math.floor(min(given_factors) * less + 1e-9) < STRIDE


@pytest.mark.parametrize(
    ("given_factors", "why"),
    [
        ((), "1 is missing"),
        ((0.5, 1.5), "1 is missing"),
        ((0.5, 1.0, 1.0), "listed twice"),
        ((1.0, 0.5), "ascending"),
        ((0.05, 1.0), "less than one stride"),
        ((1.0, 5.0), "more than 16 times"),
        ((0.0, 1.0), "above 0"),
        ((-1.0, 1.0), "above 0"),
        ((float("nan"), 1.0), "above 0"),
        ((1.0, float("inf")), "above 0"),
    ],
)
def test_what_is_no_list_of_scales_is_refused(given_factors: tuple[float, ...], why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        Scales(given_factors)
    assert "0.5,1,1.5" in caught.value.todo


def test_text_is_read() -> None:
    assert Scales.parse("0.5, 1,1.5") == Scales((0.5, 1.0, 1.5))
    assert Scales.parse("0.5,1").names == ("0.5x", "1x")
    for junk in ("", "a", "1,,2"):
        with pytest.raises(UsageError, match="no list of scales"):
            Scales.parse(junk)
