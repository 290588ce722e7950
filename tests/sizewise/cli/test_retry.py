"""Trials that failed before, as ``bench`` and ``run`` are told of them and tell of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.planning.settings import SweepSettings
from bench.sweep import SweepOutcome
from tests.sizewise.cli.conftest import Cli, write_tiny
from tests.sizewise.cli.test_exit_codes import swept

FILE = "models = ['tiny.onnx']\n[bench]\nbackends = ['fake']\n{more}\n"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[SweepSettings]:
    """The settings of sweeps that were asked for; of each, two trials are not tried again."""
    found: list[SweepSettings] = []

    def sweep(models: Any, settings: SweepSettings, *_: Any, **__: Any) -> SweepOutcome:
        found.append(settings)
        return replace(swept("failed"), quarantined=2)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.sweep.sweep", sweep)
    write_tiny(tmp_path / "tiny.onnx")
    return found


def test_what_is_not_tried_again_is_counted_with_the_option_that_does(
    cli: Cli, asked: list[SweepSettings]
) -> None:
    said = cli("bench", "tiny.onnx")
    told = "Not tried again after two failures in the same way: 2 trials. Give --retry to try"
    assert told in said.err
    assert json.loads(cli("bench", "tiny.onnx", "--json").out)["quarantined"] == 2
    assert not any(one.retry or one.force for one in asked)


@pytest.mark.parametrize("model", ["tiny.onnx", "sweep.toml"])
@pytest.mark.parametrize("flag", ["retry", "force"])
def test_both_are_said_beside_a_file_too(
    cli: Cli, asked: list[SweepSettings], model: str, flag: str
) -> None:
    Path("sweep.toml").write_text(FILE.format(more=""), encoding="utf-8")
    assert cli("bench", model, f"--{flag}").code == 3
    (settings,) = asked
    assert (settings.retry, settings.force) == (flag == "retry", flag == "force")


def test_a_file_may_say_it_itself(cli: Cli, asked: list[SweepSettings]) -> None:
    Path("sweep.toml").write_text(FILE.format(more="retry = true"), encoding="utf-8")
    cli("bench", "sweep.toml", "--force")
    (settings,) = asked
    assert (settings.retry, settings.force) == (True, True)
    assert not {"retry", "force"} & set(settings.plain())


def test_run_passes_them_on(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[Any] = []

    def export_line(line: Any, *_: Any) -> tuple[()]:
        lines.append(line)
        raise KeyboardInterrupt

    monkeypatch.setattr("sizewise.pipeline.line.export_line", export_line)
    path = tmp_path / "line.toml"
    path.write_text(
        "out = 'line'\ndata = 'digits'\n[train]\nnetwork = 'yolov3-tiny'\n[bench]\n",
        encoding="utf-8",
    )
    assert cli("run", path, "--retry", "--force").code == 130
    (line,) = lines
    assert line.sweep.retry
    assert line.sweep.force


def test_the_memory_limit_reaches_builds(cli: Cli, asked: list[SweepSettings]) -> None:
    cli("bench", "tiny.onnx", "--memory-limit-mb", "300")
    assert asked[0].memory_limit_bytes == 300 * 2**20
    assert cli("bench", "tiny.onnx", "--memory-limit-mb", "0").code == 2
