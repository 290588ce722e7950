"""Two models in one plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.interpreter import Interpreter
from bench.planning.settings import SweepSettings
from bench.planning.sides import Sides, plan_sides
from sizewise.core.errors import UsageError
from sizewise.core.machine.environment import read_environment
from sizewise.core.options.declared import fill
from sizewise.core.specs import ExportedModel
from tests.bench.models import CARD, colours

GIVEN: dict[str, Any] = {"backends": ["fake"], "threads": 1, "sizes": "32,64"}


@pytest.fixture
def base(tmp_path: Path) -> ExportedModel:
    return colours(tmp_path / "base.onnx")


@pytest.fixture
def new(tmp_path: Path) -> ExportedModel:
    return colours(tmp_path / "new.onnx", box=(1, 1, 9, 9))


def sides(base: ExportedModel, new: ExportedModel, **keys: Any) -> Sides:
    interpreter = keys.pop("interpreter", None)
    settings = fill(SweepSettings, GIVEN | keys)
    return plan_sides(base, new, settings, environment_fingerprint="here", interpreter=interpreter)


def test_the_engines_of_a_size_take_turns_whichever_side_they_are_of(
    base: ExportedModel, new: ExportedModel
) -> None:
    found = sides(base, new)
    assert [str(group.size) for group in found.groups] == ["32x32", "64x64"]
    for group in found.groups:
        by_side = [
            [
                (p.model.sha256, p.trial.cell.strategy)
                for p in group.members
                if p.trial.identity in side
            ]
            for side in (found.base, found.new)
        ]
        assert by_side == [
            [(model.sha256, strategy) for strategy in ("static", "dynamic")]
            for model in (base, new)
        ]
        assert not any(p.python for p in group.members)
    assert len(found.base | found.new) == 8


def test_one_model_twice_is_two_replicas(base: ExportedModel) -> None:
    found = sides(base, base)
    assert not found.base & found.new
    for group in found.groups:
        assert [p.trial.replica for p in group.members] == [0, 0, 1, 1]


def test_the_base_is_under_its_interpreter(base: ExportedModel, new: ExportedModel) -> None:
    there = Interpreter(
        path="/there/python",
        environment=replace(read_environment(), python="3.99.0"),
        versions={"fake": "0.9"},
    )
    for other in (base, new):
        found = sides(base, other, interpreter=there)
        for group in found.groups:
            for planned in group.members:
                is_base = planned.trial.identity in found.base
                assert planned.python == ("/there/python" if is_base else "")
                assert planned.trial.backend_version == ("0.9" if is_base else "1")
                wanted = there.environment.fingerprint if is_base else "here"
                assert planned.trial.environment_fingerprint == wanted
                assert planned.trial.replica == 0


def test_a_size_that_one_side_does_not_take_is_refused(base: ExportedModel, tmp_path: Path) -> None:
    coarse = colours(tmp_path / "coarse.onnx", card=replace(CARD, stride=64))
    with pytest.raises(UsageError, match=r"coarse\.onnx does not take the size 32x32"):
        sides(base, coarse)
