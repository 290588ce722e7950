"""How the campaigns of kills count waves that nobody asked for."""

from __future__ import annotations

from sizewise.core.stats.counting import Rounds
from tests.bench.onfile import Row, Trials, too_many

LEAST = 2


def test_a_trial_is_filled_up() -> None:
    assert too_many(_trials(a=[]), _trials(a=[1, 2]), LEAST) == 0
    assert too_many(_trials(a=[1]), _trials(a=[1, 2, 3]), LEAST) == 1


def test_one_companion_is_measured_beside_who_needs_a_wave() -> None:
    before = _trials(a=[1], b=[1, 2], c=[1, 2])
    assert too_many(before, _trials(a=[1, 3], b=[1, 2, 3], c=[1, 2]), LEAST) == 0
    assert too_many(before, _trials(a=[1, 3], b=[1, 2, 3], c=[1, 2, 3]), LEAST) == 1


def test_the_companion_stands_alone_where_another_of_its_size_failed() -> None:
    before, again = Row(_waves(1, 2), "32x32"), Row(_waves(1, 2, 3), "32x32")
    failed = Row({}, "32x32", failed=True)
    known = {"b": before, "c": before}
    assert too_many(known, {"a": failed, "b": again, "c": before}, LEAST) == 0
    assert too_many(known, {"a": failed, "b": again, "c": again}, LEAST) == 1
    elsewhere = Row({}, "64x64", failed=True)
    assert too_many(known, {"a": elsewhere, "b": again, "c": before}, LEAST) == 1
    untried = Row({}, "32x32")
    assert too_many(known, {"a": untried, "b": again, "c": before}, LEAST) == 1


def test_nobody_is_measured_where_nothing_is_wanted() -> None:
    before = _trials(a=[1, 2], b=[1, 2])
    assert too_many(before, _trials(a=[1, 2, 3], b=[1, 2, 3]), LEAST) == 2


def _trials(**waves: list[int]) -> Trials:
    """Trials of one size."""
    return {name: Row(_waves(*numbers)) for name, numbers in waves.items()}


def _waves(*numbers: int) -> dict[int, Rounds]:
    """Waves of no rounds: none is disturbed."""
    return {number: {} for number in numbers}
