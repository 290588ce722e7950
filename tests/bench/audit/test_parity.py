"""When a cell is out of bounds, and when it shows nothing."""

from __future__ import annotations

import pytest

from bench.audit.parity import fairness
from tests.bench.audit.audits import parity


@pytest.mark.parametrize(
    ("ratio", "half_width", "shown", "outside"),
    [
        (1.00, 0.01, True, False),
        (1.10, 0.01, True, True),
        (0.94, 0.01, True, True),
        (1.055, 0.01, True, False),  # its interval reaches into the bounds
        (0.965, 0.01, True, False),
        (1.30, 0.04, False, True),
        (1.00, 0.04, False, False),
    ],
)
def test_a_cell_is_out_of_bounds_where_its_whole_interval_is(
    ratio: float, half_width: float, shown: bool, outside: bool
) -> None:
    cell = parity(ratio, half_width)
    assert cell.ratio.point == pytest.approx(ratio)
    assert cell.ratio.width == pytest.approx(half_width, rel=1e-3)
    assert (cell.shown, cell.outside) == (shown, outside)


def test_all_cells_are_fair_where_none_is_outside_and_the_median_is_near_one() -> None:
    cells = [parity(ratio, 0.01, str(ratio)) for ratio in (0.99, 1.0, 1.01)]
    found = fairness(cells)
    assert found.holds
    assert found.median == pytest.approx(1.0)
    assert not fairness([*cells, parity(1.2, 0.01, "far")]).holds
    assert fairness([*cells, parity(1.2, 0.01, "far")]).outside == ("far",)
    assert fairness([*cells, parity(1.0, 0.05, "wide")]).not_shown == ("wide",)


def test_a_median_far_from_one_is_not_fair_though_each_cell_is_within_bounds() -> None:
    found = fairness([parity(1.03, 0.01)] * 4)
    assert (found.outside, found.holds) == ((), False)
