"""The time left of a bar, apart from the console: rich's bars take a while to import."""

from __future__ import annotations

from datetime import timedelta

from rich.progress import ProgressColumn, Task
from rich.text import Text


class TimeLeft(ProgressColumn):
    """By the speed so far, and no longer than until the limit of the stage."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        return Text(_spelled(task), style="progress.remaining")


def _spelled(task: Task) -> str:
    if task.time_remaining is None:
        return "-:--:--"
    left_s = min(task.time_remaining, task.fields["limit_s"] - (task.elapsed or 0))
    return str(timedelta(seconds=max(0, int(left_s))))
