"""Commands of the tutorial, and of the guides that go on with its files, run."""

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
FEWER = {"bench": ("--rounds", "2")}
"""How long something is measured does not matter here."""
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
    return str(code).replace("STEPS = 300", "STEPS = 40")


@pytest.fixture
def one_wave(monkeypatch: pytest.MonkeyPatch) -> None:
    """One is enough to see that a command runs."""
    monkeypatch.setattr(schedule, "waves_of", lambda protocol: (1, 1))
    monkeypatch.setattr("bench.sweep.sweep", partial(sweep, watch=quietly))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(module(), encoding="utf-8")
    return tmp_path


@pytest.mark.slow
@pytest.mark.usefixtures("one_wave", "built_here")
def test_the_tutorial_leads_to_a_report(folder: Path) -> None:
    run("tutorial")
    assert (folder / "runs" / "bench" / "report" / "report.md").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("one_wave", "built_here")
def test_guides_go_on_with_the_files_of_the_tutorial(folder: Path) -> None:
    for guide in GUIDES:
        run(guide)
    written = ("int8/results.sqlite", "strategies/report/report.md")
    assert all((folder / "runs" / one).is_file() for one in written)


def run(guide: str) -> None:
    """Its commands, in the folder of this moment."""
    for program, *words in commands(guide):
        if program == "python":
            subprocess.run([sys.executable, *words], check=True)
            continue
        assert program == "sizewise"
        more = FEWER.get(words[0], ())
        assert run_command_line([*words, *more]) in ANSWERS.get(words[0], {0}), words


def test_every_guide_has_commands_that_run() -> None:
    assert all(len(list(commands(guide))) >= 2 for guide in GUIDES)
