"""A plan says where each picture goes, and comes back from its file as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizewise.core.errors import InputError, SchemaVersionError
from sizewise.core.specs import Size
from sizewise.core.specs.plan import InputRule, Place, Plan
from sizewise.core.specs.stored_plan import NAME, read_plan, write_plan
from tests.sizewise.core.planned import LARGE, MEASURED, SMALL, planned

SIDES = st.integers(1, 4000)


@given(height=SIDES, width=SIDES, side=st.integers(1, 40), stride=st.sampled_from((1, 8, 32)))
def test_an_input_holds_its_scaled_picture_and_no_stride_more(
    height: int, width: int, side: int, stride: int
) -> None:
    rule = InputRule(side_px=side * stride, stride=stride)
    size = rule.size_for(Size(height, width))
    scale = min(1.0, rule.side_px / max(height, width))
    for picture, given_ in ((height, size.height), (width, size.width)):
        assert given_ % stride == 0
        assert picture * scale - 1e-6 <= given_ < picture * scale + stride
    assert max(size.height, size.width) <= rule.side_px


def test_an_input_is_never_below_the_smallest_that_the_network_takes() -> None:
    rule = InputRule(side_px=416, stride=32, smallest_px=50)
    assert rule.size_for(Size(10, 640)) == Size(64, 416)


@pytest.mark.parametrize(
    ("picture", "engine", "size"),
    [
        (Size(48, 96), "small", SMALL),  # the traffic had it
        (Size(60, 90), "small", SMALL),  # it asks for 64x96
        (Size(90, 60), "large", Size(96, 64)),  # the profile takes what it asks for
        (
            Size(30, 30),
            "small",
            SMALL,
        ),  # it asks for 32x32, and the smallest that holds it is 64x96
        (Size(30, 900), "small", SMALL),
    ],
)
def test_a_new_size_goes_to_the_smallest_input_that_holds_it(
    picture: Size, engine: str, size: Size
) -> None:
    assert planned().place_of(picture) == Place(engine=engine, input=size)


def test_a_size_that_no_input_holds_goes_to_the_one_that_leaves_it_largest() -> None:
    plan = replace(planned(), rule=InputRule(side_px=640, stride=32))
    assert plan.place_of(Size(400, 610)) == Place(engine="small", input=SMALL)
    assert plan.place_of(Size(610, 600)) == Place(engine="large", input=LARGE)


def test_a_plan_comes_back_from_its_file_or_its_folder(tmp_path: Path) -> None:
    plan = planned()
    plan.place_of(Size(1, 1))  # what it remembers of that is no part of the file
    write_plan(plan, tmp_path / NAME)
    assert read_plan(tmp_path) == read_plan(tmp_path / NAME) == plan
    assert list(tmp_path.iterdir()) == [tmp_path / NAME]


def test_a_measured_accuracy_is_kept_and_older_plans_have_none(tmp_path: Path) -> None:
    write_plan(planned(), tmp_path / NAME)
    document = json.loads((tmp_path / NAME).read_text("utf-8"))
    assert "measured" not in document["plan"]
    assert read_plan(tmp_path).measured is None
    plan = replace(planned(), measured=MEASURED)
    write_plan(plan, tmp_path / NAME)
    assert read_plan(tmp_path) == plan
    measured = json.loads((tmp_path / NAME).read_text("utf-8"))
    assert (measured["kind"], measured["version"]) == (document["kind"], document["version"])
    for changes in ({"images": 0}, {"accuracy": float("nan")}, {"expected": float("inf")}):
        with pytest.raises(ValueError, match="is of no image, or is no number"):
            replace(MEASURED, **changes)


def _changed(document: dict[str, object], **changes: Any) -> str:
    return json.dumps(document | changes)


def test_what_is_no_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / NAME
    write_plan(planned(), path)
    whole = path.read_text("utf-8")
    document = json.loads(whole)
    routes = document["plan"]["routes"]
    wrong = [
        whole[: len(whole) // 2],
        "",
        "[]",
        "[" * 100_000,
        "{}",
        _changed(document, kind="another"),
        _changed(document, version="1"),
        _changed(document, version=True),
        _changed(document, plan=None),
        _changed(document, plan=document["plan"] | {"routes": routes[:1]}),
        _changed(document, plan=document["plan"] | {"routes": [*routes, routes[0]]}),
        _changed(document, plan=document["plan"] | {"engines": []}),
        _changed(document, plan=document["plan"] | {"models": []}),
    ]
    for text in wrong:
        path.write_text(text, "utf-8")
        with pytest.raises(InputError, match="no plan of sizewise"):
            read_plan(path)
    path.write_text(_changed(document, version=2), "utf-8")
    with pytest.raises(SchemaVersionError, match="its format is 2"):
        read_plan(path)
    with pytest.raises(InputError, match="no such file"):
        read_plan(tmp_path / "gone.json")


def _engines(plan: Plan, **changes: Any) -> Plan:
    first, *others = plan.engines
    return replace(plan, engines=(replace(first, **changes), *others))


def test_a_plan_that_contradicts_itself_is_none() -> None:
    plan = planned()
    for changes in (
        {"sizes": (LARGE,)},
        {"name": "large"},
        {"model_sha256": "another"},
        {"memory_mib": float("nan")},
        {"sizes": ()},
        {"spec": replace(plan.engines[0].spec, batch_size=2)},
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - of any kind
            _engines(plan, **changes)
    with pytest.raises(ValueError, match="no engine serves"):
        replace(
            plan,
            routes=(replace(plan.routes[0], place=Place(engine="gone", input=SMALL), share=1.0),),
        )
