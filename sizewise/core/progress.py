"""How long work reports its progress, without knowing who watches: to a bar in its own process, or
through :func:`report` to whoever waits for its process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Stage(Protocol):
    """One bar: told of each step done."""

    def advance(self, steps: int = 1, note: str = "") -> None: ...

    def extend(self, steps: int) -> None:
        """There are more steps to come than was thought (fewer, where it is negative)."""

    def limit(self, seconds: float) -> None:
        """It ends in so many seconds from now at the latest, whatever is left to do."""


class Progress(Protocol):
    """Opens one bar per stage of work; ``total`` in steps of that stage."""

    def stage(self, label: str, total: int) -> AbstractContextManager[Stage]: ...


class Reporter(Progress, Protocol):
    """Who is told of long work: bars, and remarks beside the results."""

    def remark(self, text: str) -> None:
        """A sentence that the user should read, and that is no result."""


class _SilentStage:
    def advance(self, steps: int = 1, note: str = "") -> None:
        del steps, note

    def extend(self, steps: int) -> None:
        del steps

    def limit(self, seconds: float) -> None:
        del seconds


class Silent:
    """Nobody watches."""

    @contextmanager
    def stage(self, label: str, total: int) -> Iterator[Stage]:
        del label, total
        yield _SilentStage()

    def remark(self, text: str) -> None:
        del text


SILENT: Reporter = Silent()

OnProgress = Callable[[float, str], None]
"""Takes the share that is done (0–1) and what is at work now."""


def unheard(done: float, note: str) -> None:
    """Take a report of progress and ignore it."""
    del done, note


class Waiter(Protocol):
    """Who waits for the work of this process, and may lose patience."""

    def hear(self, done: float, note: str) -> None: ...

    def cancelled(self) -> bool: ...


class _NoWaiter:
    hear = staticmethod(unheard)

    def cancelled(self) -> bool:
        return False


_waiter: Waiter = _NoWaiter()


def serve(waiter: Waiter) -> None:
    """Let :func:`report` reach ``waiter`` from now on: in a child process, its parent."""
    global _waiter  # noqa: PLW0603 - a library calls back from wherever it is
    _waiter = waiter


def report(done: float, note: str = "") -> None:
    """Say from inside long work how much of it is done (0–1), as often as you like, from any
    thread. Nobody hears it outside a child process."""
    _waiter.hear(done, note)


def cancelled() -> bool:
    """Whether the work is wanted no more. Ask several times a second: who asks has 5 s to end in
    order; a child that never asks is ended at once. False outside a child process."""
    return _waiter.cancelled()
