"""Commands of the tutorial, and of the guides that go on with its files, run as they stand."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bench.planning import schedule
from bench.sweep import sweep
from docs.make.pages import HOUSE
from sizewise.cli.front import run_command_line
from tests.bench.factories import quietly

GUIDES = ("tutorial", "int8", "dynamic")
"""In this order, in one folder."""
ANSWERS = {"best": {0, 3}, "compare": {0, 5}}
"""Exit codes that are answers about the machine, and no failures."""
_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (HOUSE / "docs" / f"{name}.md").read_text(encoding="utf-8")


def commands(name: str) -> Iterator[list[str]]:
    for block in _BLOCK.findall(page(name)):
        for line in block.splitlines():
            yield shlex.split(line, comments=True)


def module() -> str:
    """``mine.py`` of the tutorial, with fewer steps: how well it learns does not matter here."""
    (code,) = re.findall(r"```python\n(.*?)```", page("tutorial"), re.DOTALL)
    assert "STEPS = 300" in code
    return code.replace("STEPS = 300", "STEPS = 60")


@pytest.fixture
def one_wave(monkeypatch: pytest.MonkeyPatch) -> None:
    """One is enough to see that a command runs."""
    monkeypatch.setattr(schedule, "waves_of", lambda protocol: (1, 1))
    monkeypatch.setattr("bench.sweep.sweep", partial(sweep, watch=quietly))


@pytest.mark.usefixtures("one_wave", "built_here")
def test_the_commands_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(module(), encoding="utf-8")
    for guide in GUIDES:
        for program, *words in commands(guide):
            if program == "python":
                subprocess.run([sys.executable, *words], check=True)
                continue
            assert program == "sizewise"
            assert run_command_line(words) in ANSWERS.get(words[0], {0}), words
    written = ("bench/report/report.md", "strategies/report/report.md", "int8/results.sqlite")
    assert all((tmp_path / "runs" / one).is_file() for one in written)


def test_every_guide_has_commands_that_run() -> None:
    assert all(len(list(commands(guide))) >= 2 for guide in GUIDES)
