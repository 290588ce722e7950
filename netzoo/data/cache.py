"""A cache of generated data sets: each is whole or absent, even when two processes write it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sizewise.core.errors import InputError, OutputError
from sizewise.core.files import is_there, remove_all, rename_durably, user_folder

T = TypeVar("T")

_MAKING = ".making-"
_ABANDONED_AFTER_S = 3600.0


def cache_root() -> Path:
    """The folder of the cache: ``$SIZEWISE_CACHE``, else ``sizewise`` in ``$XDG_CACHE_HOME`` or
    ``~/.cache``.

    Raises OutputError where there is no home.
    """
    if chosen := os.environ.get("SIZEWISE_CACHE"):
        return Path(chosen)
    return user_folder("XDG_CACHE_HOME", ".cache") / "sizewise"


def obtain(name: str, make: Callable[[Path], None], read: Callable[[Path], T]) -> T:
    """What ``read`` gives of the cached folder ``name``, which ``make`` fills where it is missing.

    It is also filled anew where ``read`` raises InputError because the folder is not whole. A new
    folder is filled aside, flushed and then renamed: neither a killed process nor a loss of power
    leaves half of it, and of two processes one wins. Raises OutputError where the cache can't be
    written.
    """
    folder = cache_root() / name
    found = _try(read, folder)
    if found is not None:
        return found
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder.parent)
        with tempfile.TemporaryDirectory(prefix=_MAKING, dir=folder.parent) as aside:
            made = Path(aside) / "made"
            made.mkdir()
            make(made)
            _put_in_place(made, folder, read)
    except OSError as error:
        raise OutputError(
            f"The data set {name} can't be kept in {folder.parent}",
            error.strerror or str(error),
            "Make room there, or set SIZEWISE_CACHE to a folder that can be written.",
        ) from error
    return read(folder)


def _try(read: Callable[[Path], T], folder: Path) -> T | None:
    try:
        return read(folder) if folder.is_dir() else None
    except InputError:
        return None


def _put_in_place(made: Path, folder: Path, read: Callable[[Path], T]) -> None:
    if folder.exists() and _try(read, folder) is None:
        folder.rename(made.with_name("broken"))
    try:
        rename_durably(made, folder)
    except OSError as error:
        # A folder that is not empty can't be replaced: another process was faster, if it is whole.
        if not is_there(error) or _try(read, folder) is None:
            raise


def _remove_abandoned(root: Path) -> None:
    """Delete what killed processes left behind."""
    for left in root.glob(f"{_MAKING}*"):
        if left.stat().st_mtime < time.time() - _ABANDONED_AFTER_S:
            remove_all(left)
