"""A measurement that something disturbed does not stand where a model of the others holds."""

from __future__ import annotations

from reports.choice.planning.kinds import Figures
from sizewise.core.specs import Size

SIDES = (320, 384, 448, 512, 576)
TRUE = {Size(side, side): side * side / 10_000 for side in SIDES}
MIDDLE, LARGEST = Size(448, 448), Size(576, 576)
TWICE = TRUE | {MIDDLE: 2 * TRUE[MIDDLE]}


def test_the_model_stands_for_what_was_disturbed() -> None:
    found = Figures.of(TWICE, doubted=[MIDDLE])
    assert MIDDLE not in found.measured
    assert abs((found.at(MIDDLE) or 0) - TRUE[MIDDLE]) < 0.01 * TRUE[MIDDLE]


def test_what_no_model_covers_stands_as_measured() -> None:
    found = Figures.of(TRUE, doubted=[LARGEST])
    assert found.measured == TRUE


def test_without_enough_others_all_stand() -> None:
    assert Figures.of(TWICE, doubted=list(TRUE)[:3]).measured == TWICE
    assert Figures.of(TWICE, doubted=[LARGEST]).measured == TWICE  # the others fit no model
