"""What takes long to make is made once for all processes that run the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def made_once(shared: Path, name: str, make: Callable[[Path], object]) -> Path:
    """The folder ``shared / name``, which ``make`` filled, in this process or in another.

    Whoever takes it only reads it: tests that change a file copy it first.
    """
    folder, draft = shared / name, shared / f"{name}.draft"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(shared / f"{name}.lock"):
        if not folder.exists():
            draft.mkdir()
            make(draft)
            draft.rename(folder)
    return folder
