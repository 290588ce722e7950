"""System errors of reading, turned into errors with a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sizewise.core.errors import InputError
from sizewise.core.files import demand_place, read_file
from sizewise.core.options.limits import TEXT_BYTES


def read_text(path: Path, what: str) -> str:
    """The text of a user's file in UTF-8, without the byte-order mark that editors on Windows write
    before it: ``what`` says what it should be. Raises InputError."""
    try:
        return read_file(path, TEXT_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else None  # without the path again
        raise InputError(f"{path} can't be read", why or str(error), f"Give {what}.") from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an OSError about ``path`` into an InputError, which is also raised where that, or what a
    link of that name leads to, is no text."""
    try:
        demand_place(path)
        yield
    except OSError as error:
        raise InputError(
            f"{path} can't be read",
            error.strerror or str(error),
            "Check the path and its permissions.",
        ) from error
