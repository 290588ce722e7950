"""Help: every command and option explained in whole sentences, in titled groups, nothing cut."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

import sizewise as sw
from sizewise.cli.app import SizewiseCommands
from sizewise.cli.options import spell
from sizewise.core.options.declared import options_of
from sizewise.pipeline.explanation.options import ExplainOptions
from sizewise.pipeline.models.darknet import FormatOptions
from tests.sizewise.cli.conftest import Cli

OPTIONS: dict[str, tuple[type[Any], ...]] = {
    "train": (sw.TrainOptions,),
    "export": (sw.ExportOptions, sw.PrecisionOptions, FormatOptions),
    "build": (sw.BuildOptions,),
    "bench": (sw.SweepSettings,),
    "evaluate": (sw.EvaluateOptions,),
    "explain": (ExplainOptions,),
    "predict": (sw.PredictOptions,),
}
ONLY_IN_FILES = {
    *("precision", "block_calls", "block_s", "warmup_calls", "seed"),
    "sweep",
}


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_list_of_commands_cuts_no_description(cli: Cli) -> None:
    said = flat(cli("--help").out)
    for name, line in SizewiseCommands.lines.items():
        assert f"{name} {line}" in said


@pytest.mark.parametrize("command", SizewiseCommands.lines)
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    said = cli(command, "--help")
    assert said.code == 0
    assert "…" not in said.out
    assert "..." not in re.sub(r"\{[A-Z]+\}\.\.\.", "", said.out)  # MODELS...: one or more
    assert "General:" in said.out


@pytest.mark.parametrize("command", OPTIONS)
def test_every_option_stands_in_its_group_with_its_help_and_default(cli: Cli, command: str) -> None:
    said = cli(command, "--help").out
    for kind in OPTIONS[command]:
        defaults = {field.name: field.default for field in dataclasses.fields(kind)}
        for name, known in options_of(kind).items():
            if command == "bench" and name in ONLY_IN_FILES:
                assert f"{spell(name)} " not in said
                continue
            assert not known.older or spell(known.older) not in said
            group = said.split(f"\n{known.group}:\n")[1].split("\n\n")[0]
            assert re.search(rf"^  (--\S+ / )?{spell(name)}\b", group, re.MULTILINE), name
            assert known.help in flat(group)
            default = known.shown or defaults[name]
            if isinstance(default, int | float) and not isinstance(default, bool):
                assert f"[default: {default}]" in flat(group)
