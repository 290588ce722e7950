"""The slider of a page decides as ``sizewise best`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings

from reports.choice.budget import Budget
from reports.choice.choosing import choose
from reports.page.points import points, steps
from reports.plots.axes import finite
from tests.reports.choice.test_choosing import QUICK, Engine, engines, read

if TYPE_CHECKING:
    from tests.reports.conftest import Lab


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(engines)
def test_the_step_of_a_budget_ships_what_is_chosen_under_it(found: list[Engine]) -> None:
    records = read(QUICK, found)
    made = steps(records)
    for budget in {row.latency_ms for row in records.rows}:
        chosen = [one.chosen for one in choose(records, Budget(max_latency_ms=budget))]
        said = [step for step in made if step["from_ms"] <= budget * (1 + 1e-12)]
        shipped = [finite(records.rows)[number] for number in said[-1]["ids"]] if said else []
        assert [row.where for row in shipped] == [row.where for row in chosen if row is not None]


def test_nothing_is_said_that_another_budget_makes_untrue(lab: Lab) -> None:
    records = read(lab, [Engine(ms=1, mib=100, ap=0.3), Engine(ms=2, mib=100, ap=0.4)])
    first, second = steps(records)
    assert [step["ids"] for step in (first, second)] == [[0], [1]]
    assert "fit" not in f"{first['said']} {second['said']}"
    assert {point["latency"] for point in points(records.rows)} == {
        row.latency_ms for row in records.rows
    }
