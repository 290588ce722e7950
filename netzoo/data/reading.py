"""System errors of reading, turned into errors with a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sizewise.core.errors import InputError


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an OSError about ``path`` into an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} can't be read",
            error.strerror or str(error),
            "Check the path and its permissions.",
        ) from error
