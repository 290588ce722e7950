"""Resources given back in the reverse order, all of them, whatever fails on the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Self

from sizewise.core.errors import EngineError


class Cleanup:
    """An ExitStack whose failures do not hide the error that came first: they become its notes.

    The first is raised, if it is one of its own. Unlike ExitStack's, its frame is no part of a
    cycle with the error, which would keep a device's memory until garbage is collected.
    """

    def __init__(self) -> None:
        self._steps: list[Callable[[], object]] = []

    def callback(self, step: Callable[..., object], *arguments: Any) -> None:
        self._steps.append(partial(step, *arguments))

    def pop_all(self) -> Cleanup:
        """The remaining steps, as another cleanup's duty."""
        taken = Cleanup()
        taken._steps, self._steps = self._steps, []
        return taken

    def close(self) -> None:
        """Run the remaining steps. Raises EngineError."""
        self.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        first = error
        while self._steps:
            try:
                self._steps.pop()()
            except EngineError as second:
                if first is None:
                    first = second
                else:
                    first.add_note(f"Cleaning up failed, too. {second}")
        try:
            if first is not None and first is not error:
                raise first
        finally:
            del first
