"""The page of a plan: what its plots are told, and what its text says."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from reports.choice.planning.padding import waste
from reports.choice.planning.telling import Unknown
from reports.page.plan import records
from reports.page.plan.text import Told, markdown
from sizewise.core.machine.environment import read_environment
from sizewise.core.specs import Size
from sizewise.core.specs.plan import Alternative, Plan
from tests.reports.many_engines import many
from tests.sizewise.core.planned import MEASURED, planned


def decided() -> Plan:
    """A plan with others beside it, one of which breaks a limit."""
    best = Alternative(name="1 engine", engines=1, mean_ms=6.0, memory_mib=70.0, loaded=("large",))
    plain = replace(best, name="one dynamic", why_not="it breaks the limit on memory")
    plan = planned()
    return replace(
        plan, decision=replace(plan.decision, baselines=(plain,), by_engines=(best,), more=(best,))
    )


def test_slices_lie_on_each_other_and_are_all_pictures() -> None:
    plan = planned()
    found = records.slices(plan)
    assert sum(one["high"] - one["low"] for one in found) == pytest.approx(100)
    assert {(one["picture"], one["engine"]) for one in found} == {
        ("48×96", "small"),
        ("200×200", "large"),
    }
    for one in found:
        side = next(
            records.side_of(route)
            for route in plan.routes
            if one["picture"] == f"{route.picture.height}×{route.picture.width}"
        )
        assert one["from"] <= side <= one["to"] + 1e-9


def test_waste_is_what_is_computed_by_what_is_asked_for() -> None:
    plan = planned()
    # 48×96 asks for 64×96, and 200×200 for 96×96: each runs there.
    assert waste(plan.routes, plan.rule) == pytest.approx(1)
    moved = replace(plan.routes[0], place=plan.routes[1].place)
    assert waste([moved], plan.rule) == pytest.approx(96 / 64)
    worst, *_ = records.wasted(replace(plan, routes=(moved, plan.routes[1])))
    assert (worst["picture"], worst["from"], worst["to"]) == ("48×96", 0, 75)


def test_rare_sizes_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST", 1)
    plan = planned()
    often, rare = plan.routes
    halves = (replace(rare, share=0.15), replace(rare, picture=Size(201, 201), share=0.1))
    found = records.slices(replace(plan, routes=(often, *halves)))
    assert [one["picture"] for one in found] == ["48×96", "2 other sizes"]
    assert sum(one["share"] for one in found) == pytest.approx(100)


def test_colours_of_many_engines_do_not_repeat() -> None:
    plan = many(92)
    keys = records.engines(plan)
    assert len({key["colour"] for key in keys}) == len(keys) == 12
    assert sum(key["share"] for key in keys) == pytest.approx(100)
    names = {key["name"] for key in keys}
    for rows in (records.slices(plan), records.bubbles(plan), records.wasted(plan)):
        assert {row["key"] for row in rows} == names
        assert {row["engine"] for row in rows} == {engine.name for engine in plan.engines}
    chosen = records.sets(plan)[-1]
    assert set(chosen["loaded"]) == names


def test_sets_say_which_limit_they_break() -> None:
    found = {one["kind"]: one for one in records.sets(decided())}
    assert found["plain choice"]["why"] == "it breaks the limit on memory"
    assert found["the plan"]["loaded"] == ["small", "large"]
    assert found["best of so many engines"]["loads"] == "large"


def test_the_text_says_what_is_not_known_with_its_command() -> None:
    unknown = Unknown(what="Not considered: x*y.", command="sizewise bench '/home/me/a b.onnx'")
    told = Told(plan=decided(), machine=read_environment(), unknown=(unknown,))
    text = markdown(told)
    assert "Not considered: x\\*y." in text
    assert "```\nsizewise bench 'a b.onnx'\n```" in text
    headings = re.findall("^## (.*)", text, re.MULTILINE)
    assert headings == [
        "Before you rely on it",
        "Engines to load",
        "Limits",
        "Plain choices under the same limits",
        "What looser limits would buy",
        "The best set of each number of engines",
        "Sizes, and where each runs",
        "How it was chosen",
    ]
    measured = markdown(replace(told, together=planned().predicted))
    assert "## Expected and measured together" in measured
    assert "in one process, over the first pictures" in measured
    rated = markdown(replace(told, plan=replace(decided(), measured=MEASURED)))
    (row,) = (" ".join(one.split()) for one in rated.splitlines() if "| accuracy on 7" in one)
    assert row == "| accuracy on 7 images of made val | 0.625 | 0.500 | -20.0 |"
    assert "over the first pictures" not in rated
