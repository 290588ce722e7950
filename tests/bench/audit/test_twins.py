"""What is said of engines whose difference is known."""

from __future__ import annotations

import pytest

from tests.bench.audit.audits import twins


def test_a_tenth_more_work_is_found_and_the_same_engine_is_not_different() -> None:
    found = twins()
    assert found.waves == 8
    assert found.same_holds
    assert found.planted_holds
    assert [one.verdict for one in found.planted] == ["SLOWER", "SLOWER"]
    assert found.planted[0].ratio.ratio == pytest.approx(1.095, rel=0.01)
    width = found.ratio_half_width
    assert width is not None
    assert width < 0.01
    assert (found.rounds, found.disturbed) == (32, 0)


@pytest.mark.parametrize(("ratio", "noise"), [(1.5, 0.005), (1.0, 0.005), (1.095, 0.4)])
def test_what_is_not_a_tenth_or_not_certain_is_not_found(ratio: float, noise: float) -> None:
    assert not twins(ratio, noise).planted_holds


def test_twins_that_differ_are_said_to() -> None:
    assert not twins(same=1.05).same_holds
