"""The tasks there are: one file of ``netzoo.tasks.kinds`` each."""

from __future__ import annotations

from functools import cache

from netzoo.tasks.task import Task
from sizewise.core.discover import choose, discover


@cache
def tasks() -> dict[str, Task]:
    """All tasks, by name."""
    return discover("netzoo.tasks.kinds", "TASKS")


def find_task(name: str) -> Task:
    """The task called ``name``. Raises UsageError, which lists the tasks there are."""
    found = tasks()
    return found[choose("task", name, found)]


def task_of_layout(layout: str) -> Task:
    """The task whose models have outputs of ``layout``. Raises UsageError, which lists the layouts
    there are."""
    by_layout = {name: task for task in tasks().values() for name in task.layouts}
    return by_layout[choose("layout", layout, by_layout)]
