"""docs/python.md: its code runs, in at most 30 lines, and its table lists every column."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest

from bench.planning import schedule
from bench.sweep import sweep
from docs.make.pages import HOUSE
from reports.tables.lists import column_table
from tests.bench.factories import launch_in_process, quietly

PAGE = (HOUSE / "docs" / "python.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.usefixtures("built_here")
def test_the_code_runs_from_a_module_to_a_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # One wave is enough to see that the code runs.
    monkeypatch.setattr(schedule, "waves_of", lambda protocol: (1, 1))
    monkeypatch.setattr(
        "bench.sweep.sweep", partial(sweep, launch=launch_in_process, watch=quietly)
    )
    names: dict[str, object] = {"__name__": "page"}
    exec(CODE[0], names)
    said = capsys.readouterr().out
    assert said.count("static") == 2
    assert said.count("dynamic") == 2
    for code in CODE[1:]:
        exec(code, names)
    assert "Invalid value 'foo' for strategies" in capsys.readouterr().out


def test_the_first_example_is_short() -> None:
    assert len(CODE[0].splitlines()) <= 30


def test_the_page_lists_every_column() -> None:
    assert column_table() in PAGE


def test_the_first_example_is_the_script_of_the_examples() -> None:
    script = (HOUSE / "examples" / "module_to_frame.py").read_text(encoding="utf-8")
    assert script.partition("\n\n")[2] == CODE[0]
