"""How the campaigns of kills count waves that nobody asked for."""

from __future__ import annotations

from tests.bench.onfile import Trials, too_many

LEAST = 2


def test_a_trial_is_filled_up() -> None:
    assert too_many(_trials(a=[]), _trials(a=[1, 2]), LEAST) == 0
    assert too_many(_trials(a=[1]), _trials(a=[1, 2, 3]), LEAST) == 1


def test_one_companion_is_measured_beside_who_needs_a_wave() -> None:
    before = _trials(a=[1], b=[1, 2], c=[1, 2])
    assert too_many(before, _trials(a=[1, 3], b=[1, 2, 3], c=[1, 2]), LEAST) == 0
    assert too_many(before, _trials(a=[1, 3], b=[1, 2, 3], c=[1, 2, 3]), LEAST) == 1


def test_the_companion_stands_alone_where_the_other_failed() -> None:
    before = _trials(a=[], b=[1, 2], c=[1, 2])
    assert too_many(before, _trials(a=[], b=[1, 2, 3], c=[1, 2]), LEAST) == 0
    assert too_many(before, _trials(a=[], b=[1, 2, 3], c=[1, 2, 3]), LEAST) == 1


def test_nobody_is_measured_where_nothing_is_wanted() -> None:
    before = _trials(a=[1, 2], b=[1, 2])
    assert too_many(before, _trials(a=[1, 2, 3], b=[1, 2, 3]), LEAST) == 2


def _trials(**waves: list[int]) -> Trials:
    """Trials with waves of no rounds: none is disturbed."""
    return {name: {number: {} for number in numbers} for name, numbers in waves.items()}
