"""How long work reports its progress, without knowing who watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Stage(Protocol):
    """One bar: told of each step done."""

    def advance(self, steps: int = 1, note: str = "") -> None: ...


class Progress(Protocol):
    """Opens one bar per stage of work; ``total`` in steps of that stage."""

    def stage(self, label: str, total: int) -> AbstractContextManager[Stage]: ...


class _SilentStage:
    def advance(self, steps: int = 1, note: str = "") -> None:
        del steps, note


class Silent:
    """Nobody watches."""

    @contextmanager
    def stage(self, label: str, total: int) -> Iterator[Stage]:
        del label, total
        yield _SilentStage()


SILENT: Progress = Silent()
