"""How long a stage still takes, on bars and in lines."""

from __future__ import annotations

import math
from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress

from sizewise.cli import console
from sizewise.cli.console import Bars, Lines
from sizewise.cli.time_left import TimeLeft

HUNDRED_S = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("limit_s", "said"), [(None, "about 900 s left"), (500, "about 400 s left"), (50, "about 0 s")]
)
def test_lines_end_at_the_limit(
    clock: list[float], capsys: pytest.CaptureFixture[str], limit_s: float | None, said: str
) -> None:
    """A tenth takes 100 s."""
    with Lines().stage("Measuring", 10) as stage:
        if limit_s is not None:
            stage.limit(limit_s)
        clock[0] = HUNDRED_S
        stage.advance()
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("limit_s", "said"), [(math.inf, "0:01:20"), (50, "0:00:30"), (15, "0:00:00")]
)
def test_bars_end_at_the_limit(limit_s: float, said: str) -> None:
    """Two steps of ten, 10 s each, of which rich knows the second's time."""
    now = [0.0]
    progress = Progress(TimeLeft(), get_time=lambda: now[0])
    task = progress.add_task("", total=10, limit_s=limit_s)
    for now[0] in (10.0, 20.0):
        progress.update(task, advance=1)
    assert TimeLeft().render(progress.tasks[task]).plain == said


def test_bars_say_nothing_before_the_first_step() -> None:
    progress = Progress(TimeLeft())
    task = progress.add_task("", total=10, limit_s=5)
    assert TimeLeft().render(progress.tasks[task]).plain == "-:--:--"


def test_a_bar_counts_its_limit_from_when_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "console", Console(file=StringIO()))
    with Bars().stage("Measuring", 10) as stage:
        assert isinstance(stage, console._Bar)
        stage.limit(60)
        (task,) = stage._progress.tasks
        assert 60 <= task.fields["limit_s"] < 120
