"""When a cell is out of bounds, and when it shows nothing."""

from __future__ import annotations

import pytest

from bench.audit.parity import Parity, fairness
from tests.bench.audit.audits import parity, waves


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


@pytest.mark.parametrize(
    ("cpu", "outside"), [(1.0, False), (0.96, False), (0.55, True), (0.85, True), (1.2, True)]
)
def test_threads_that_wait_without_a_core_are_seen(cpu: float, outside: bool) -> None:
    """With two threads that may not spin, PyTorch had 1.10 cores in place of 1.99."""
    cell = parity(1.0, 0.01, cpu=cpu)
    assert cell.cpu_ratio is not None
    assert cell.cpu_ratio.point == pytest.approx(cpu)
    assert cell.cpu_outside is outside
    assert not cell.outside


def test_where_no_cpu_time_is_counted_nothing_is_said_of_it() -> None:
    cell = parity(1.0, 0.01, cpu=0.0)
    assert cell.cpu_ratio is None
    assert not cell.cpu_outside
    assert not parity(1.0, 0.01).cpu_outside


def test_the_share_of_a_core_over_waves_is_a_mean_with_an_interval() -> None:
    together = Parity(label="two", waves=(*waves(0.0, cpu=0.5), *waves(0.0, cpu=0.9)))
    assert together.cpu_ratio is not None
    assert together.cpu_ratio.point == pytest.approx(0.45**0.5)
    assert together.cpu_ratio.low is not None
    assert not together.cpu_outside  # as far as two waves tell


def test_all_cells_are_fair_where_none_is_outside_and_the_median_is_near_one() -> None:
    cells = [parity(ratio, 0.01, str(ratio)) for ratio in (0.99, 1.0, 1.01)]
    found = fairness(cells, 3)
    assert (found.answer, found.shown, found.planned) == ("yes", 3, 3)
    assert found.median == pytest.approx(1.0)
    far = fairness([*cells, parity(1.2, 0.01, "far")], 4)
    assert (far.answer, far.outside) == ("no", ("far",))


def test_a_median_far_from_one_is_not_fair_though_each_cell_is_within_bounds() -> None:
    found = fairness([parity(1.03, 0.01)] * 4, 4)
    assert (found.outside, found.answer) == ((), "no")


def test_cells_that_are_not_shown_say_nothing() -> None:
    """Neither by their ratio, nor in the median, nor by lying outside."""
    cells = [parity(1.0, 0.01, "narrow")] * 2 + [parity(1.3, 0.04, "wide")] * 2
    found = fairness(cells, 4)
    assert found.median == pytest.approx(1.0)
    assert (found.outside, found.not_shown) == ((), ("wide", "wide"))
    assert (found.answer, found.shown) == ("yes", 2)


@pytest.mark.parametrize(
    ("narrow", "wide", "planned", "answer"),
    [
        (2, 2, 4, "yes"),
        (1, 2, 3, "not shown"),  # fewer than half are shown
        (0, 3, 3, "not shown"),
        (3, 0, 4, "not shown"),  # one was never measured
    ],
)
def test_the_rule_holds_where_all_were_measured_and_half_are_shown(
    narrow: int, wide: int, planned: int, answer: str
) -> None:
    cells = [parity(1.0, 0.01)] * narrow + [parity(1.0, 0.05)] * wide
    assert fairness(cells, planned).answer == answer


def test_one_cell_outside_breaks_the_rule_before_all_are_measured() -> None:
    assert fairness([parity(1.2, 0.01)], 48).answer == "no"


def test_a_median_of_few_cells_breaks_nothing() -> None:
    assert fairness([parity(1.03, 0.01)] * 4, 48).answer == "not shown"
