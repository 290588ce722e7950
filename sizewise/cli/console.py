"""The output of the commands: progress bars with an estimate, tables, and the next step."""

from __future__ import annotations

import json
import math
import shlex
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape as escape_markup
from rich.table import Table

from sizewise.core.printable import printable
from sizewise.core.progress import Reporter, Stage

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

console = Console(stderr=True, highlight=False)
"""Bars and remarks go to stderr: stdout holds results, so that it can be piped."""

_LOG_EVERY_S = 10.0
_PIPE_WIDTH = 200


def escape(text: str) -> str:
    """Anybody's text, so that neither rich nor the terminal takes any of it for its own."""
    return escape_markup(printable(text))


class _Bar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, steps: int = 1, note: str = "") -> None:
        self._progress.update(self._task, advance=steps, note=escape(note))

    def extend(self, steps: int) -> None:
        total = self._progress.tasks[self._task].total or 0
        self._progress.update(self._task, total=total + steps)

    def limit(self, seconds: float) -> None:
        gone_s = self._progress.tasks[self._task].elapsed or 0
        self._progress.update(self._task, limit_s=gone_s + seconds)


class _Remarks:
    def remark(self, text: str) -> None:
        remark(text)


class Bars(_Remarks):
    """Bars on a terminal: label, bar, steps, time gone, time left, and what is at work now."""

    @contextmanager
    def stage(self, label: str, total: int) -> Iterator[Stage]:
        from rich import progress as shown

        from sizewise.cli.time_left import TimeLeft

        with shown.Progress(
            shown.TextColumn("{task.description:<22}"),
            shown.BarColumn(bar_width=28),
            shown.MofNCompleteColumn(),
            shown.TimeElapsedColumn(),
            shown.TextColumn("left"),
            TimeLeft(),
            shown.TextColumn("{task.fields[note]}"),
            console=console,
        ) as progress:
            task = progress.add_task(escape(label), total=total, note="", limit_s=math.inf)
            yield _Bar(progress, task)


class _Lines:
    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done = label, total, 0
        self._started = self._said = time.monotonic()
        self._end_s = math.inf

    def advance(self, steps: int = 1, note: str = "") -> None:
        self._done += steps
        now = time.monotonic()
        if now - self._said >= _LOG_EVERY_S:
            self._said = now
            remark(f"{self._label}: {self._done}/{self._total}{self._left(now)}  {note}")

    def extend(self, steps: int) -> None:
        self._total += steps

    def limit(self, seconds: float) -> None:
        self._end_s = time.monotonic() + seconds

    def _left(self, now: float) -> str:
        """The time left in words; empty before the first step is done."""
        if not self._done:
            return ""
        left_s = (now - self._started) / self._done * (self._total - self._done)
        return f", about {max(0, min(left_s, self._end_s - now)):.0f} s left"

    def close(self) -> None:
        remark(f"{self._label}: done in {time.monotonic() - self._started:.1f} s")


class Lines(_Remarks):
    """Plain lines for a stderr that is no terminal: one every ten seconds, and one at the end."""

    @contextmanager
    def stage(self, label: str, total: int) -> Iterator[Stage]:
        lines = _Lines(label, total)
        yield lines
        lines.close()


def reporter() -> Reporter:
    """Bars for people, lines for logs."""
    return Bars() if console.is_terminal else Lines()


def say(text: str) -> None:
    """Print a result on stdout, with control characters of anybody's names made visible."""
    typer.echo(printable(text))


def say_paths(paths: Iterable[str]) -> None:
    """Print paths on stdout, one a line: for a program as they are, for a terminal made visible."""
    text = "".join(f"{path}\n" for path in paths)
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)


def remark(text: str) -> None:
    """Print a remark to the user on stderr."""
    console.print(escape(text), soft_wrap=True)


def next_step(text: str) -> None:
    """Print the command that comes next; every command ends with one."""
    console.print(f"[bold]Next:[/bold] {escape(text)}", soft_wrap=True)


def command(*words: object) -> str:
    """``sizewise`` with these words, quoted so that a shell takes it as it is printed."""
    return shlex.join(["sizewise", *map(str, words)])


def show_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    whole: Collection[str] = (),
) -> None:
    """Print a table on stdout; lines in the columns ``whole`` are never broken."""
    table = Table(header_style="bold")
    for column in columns:
        table.add_column(escape(column), overflow="fold", no_wrap=column in whole)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    # A pipe has no width of its own: a table there is as wide as it needs.
    shown = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    # Apart from the table, to whose width its own title would be broken, paths too.
    shown.print(escape(title), style="table.title", soft_wrap=True)
    shown.print(table)


def show_json(data: Any, *, flush: bool = False) -> None:
    """Print one JSON document on stdout, for machines: at once with ``flush``, where the command
    goes on."""
    sys.stdout.write(json.dumps(data, indent=2) + "\n")
    if flush:
        sys.stdout.flush()
