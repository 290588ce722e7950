"""What is said of engines whose difference is known."""

from __future__ import annotations

import pytest

from bench.audit.twins import Twins
from tests.bench.audit.audits import twins


def same(found: Twins) -> list[str]:
    return [one.same for one in found.same]


def planted(found: Twins) -> list[str]:
    return [one.planted for one in found.planted]


def test_a_tenth_more_work_is_found_and_the_same_engine_is_not_different() -> None:
    found = twins()
    assert found.waves == 8
    assert same(found) == ["yes", "yes"]
    assert planted(found) == ["yes", "yes"]
    assert [one.verdict for one in found.planted] == ["SLOWER", "SLOWER"]
    assert found.planted[0].ratio.ratio == pytest.approx(1.095, rel=0.01)
    width = found.ratio_half_width
    assert width is not None
    assert width < 0.01
    assert (found.rounds, found.disturbed, found.rows_disturbed) == (32, 0, 0)


@pytest.mark.parametrize(("loud", "waves", "rows"), [(4, 4, 0), (5, 8, 4)])
def test_rows_are_disturbed_where_too_few_waves_were_left_alone(
    loud: int, waves: int, rows: int
) -> None:
    """In a wave that is disturbed, one round of four was left alone."""
    found = twins(disturbed=lambda wave, number: wave < loud and number > 0)
    assert (found.waves, found.rows_disturbed) == (waves, rows)
    assert (found.rounds, found.disturbed) == (32, 3 * loud)
    assert {one.ratio.disturbed for one in (*found.same, *found.planted)} == {rows > 0}


@pytest.mark.parametrize(
    ("ratio", "noise", "answer"),
    [
        (1.5, 0.005, "no"),
        (0.9, 0.005, "no"),
        (1.0, 0.005, "not shown"),
        (1.095, 0.6, "not shown"),
    ],
)
def test_what_is_not_a_tenth_or_not_certain_is_not_found(
    ratio: float, noise: float, answer: str
) -> None:
    assert planted(twins(ratio, noise)) == [answer, answer]


def test_twins_that_differ_are_said_to() -> None:
    assert same(twins(same=1.05)) == ["no", "no"]


@pytest.mark.parametrize("processes", [1, 2, 7])
@pytest.mark.parametrize("factor", [1.0, 1.05])
def test_few_processes_show_nothing_of_twins(processes: int, factor: float) -> None:
    assert same(twins(same=factor, processes=processes)) == ["not shown", "not shown"]


def test_twins_whose_difference_is_not_known_show_nothing() -> None:
    found = twins(noise=0.3)
    assert [one.verdict for one in found.same] == ["UNCLEAR", "UNCLEAR"]
    assert same(found) == ["not shown", "not shown"]
