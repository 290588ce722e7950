"""docs/tensorrt.md names every option that there is, as it is, and none that there is not."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import typer

from engines.tensorrt.build.config import LEVELS
from engines.tensorrt.options import DataCentreOptions, RtxOptions, TensorRtOptions
from sizewise.cli.app import app
from sizewise.core.specs import BackendOptions

PAGE = (Path(__file__).parents[2] / "docs" / "tensorrt.md").read_text(encoding="utf-8")
KINDS = (TensorRtOptions, DataCentreOptions, RtxOptions)
COMMON = {field.name for field in fields(BackendOptions)}
HINTS = {f.name: get_type_hints(one)[f.name] for one in KINDS for f in fields(one)}
OPTIONS = sorted(HINTS.keys() - COMMON)
NOT_THERE = "–"

_CODE = re.compile(r"`([^`]+)`")


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def rows(title: str) -> list[list[str]]:
    """Of the section's first table, without its head."""
    lines = section(title).split("\n| ")[1:]
    cells = [line.split("\n")[0].strip(" |").split(" | ") for line in lines]
    return [row for row in cells[1:] if len(row) == len(cells[0])]


TABLE = {_CODE.findall(row[0])[0]: row for row in rows("The options")}


def test_every_option_has_its_row_and_no_other() -> None:
    assert sorted(TABLE) == OPTIONS


@pytest.mark.parametrize("name", OPTIONS)
def test_a_back_end_that_has_not_the_option_has_a_dash(name: str) -> None:
    _, _, data_centre, rtx = TABLE[name]
    for cell, kind in ((data_centre, DataCentreOptions), (rtx, RtxOptions)):
        assert cell.startswith(NOT_THERE) == (name not in {field.name for field in fields(kind)})


@pytest.mark.parametrize("name", OPTIONS)
def test_its_values_begin_with_the_default(name: str) -> None:
    values = _CODE.findall(TABLE[name][1])
    kind: type[TensorRtOptions] = RtxOptions if name == "capabilities" else DataCentreOptions
    assert values[0] == _as_given(getattr(kind(), name))
    if get_origin(HINTS[name]) is Literal:
        assert set(values) == set(get_args(HINTS[name]))


def test_levels_of_graph_fusion_are_those_of_the_builder() -> None:
    (row,) = (row for row in rows("From trtexec") if "--builderOptimizationLevel" in row[0])
    told = re.findall(r"`(\w+)` (?:is level )?(\d)", row[1])
    assert {ours: int(level) for ours, level in told} == LEVELS


@pytest.mark.parametrize("title", ["From trtexec", "From ultralytics export"])
def test_flags_of_others_lead_to_flags_and_options_of_ours(title: str) -> None:
    for theirs, ours in rows(title):
        code = " ".join(_CODE.findall(ours))
        for flag in re.findall(r"--[\w-]+", code):
            assert flag in _flags(), f"{theirs}: {flag}"
        for name in re.findall(r"(\w+)=", code):
            assert name in OPTIONS, f"{theirs}: {name}"


def _flags() -> set[str]:
    group: Any = typer.main.get_command(app)
    commands = [group.get_command(None, name) for name in group.list_commands(None)]
    of_commands = {o for c in commands for p in c.params for o in p.opts}
    return of_commands | {"--debug"}


def _as_given(default: object) -> str:
    """As ``--backend-option`` would have it."""
    if default == ():
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)
