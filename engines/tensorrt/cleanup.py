"""Giving back what was taken, in the reverse order and all of it, whatever fails on the way."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from sizewise.errors import EngineError


class Cleanup(ExitStack[bool | None]):
    """An ExitStack whose own failures do not hide the error that led to it: they become its
    note. Where none did, they are raised."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> bool | None:
        try:
            return super().__exit__(kind, error, trace)
        except EngineError as second:
            if error is None:
                raise
            error.add_note(f"Cleaning up failed, too. {second}")
            return False
