"""Data sets that are made here are kept: whole or not at all, whoever else makes them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sizewise.errors import OutputError

_MAKING = ".making-"
_ABANDONED_AFTER_S = 3600.0


def cache_root() -> Path:
    """``$SIZEWISE_CACHE``, else ``sizewise`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if chosen := os.environ.get("SIZEWISE_CACHE"):
        return Path(chosen)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "sizewise"
    return Path.home() / ".cache" / "sizewise"


def obtain_folder(
    name: str, make: Callable[[Path], None], is_whole: Callable[[Path], bool]
) -> Path:
    """The cached folder ``name``; where it is absent or not whole, ``make`` fills a new one.

    It is made aside and renamed, so that a making that is killed leaves nothing in its place and
    of two that run at once one wins. Raises OutputError where the cache can't be written.
    """
    folder = cache_root() / name
    if folder.is_dir() and is_whole(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder.parent)
        with tempfile.TemporaryDirectory(prefix=_MAKING, dir=folder.parent) as aside:
            made = Path(aside) / "made"
            made.mkdir()
            make(made)
            _put_in_place(made, folder, is_whole)
    except OSError as error:
        raise OutputError(
            f"The data set {name} can't be kept in {folder.parent}",
            error.strerror or str(error),
            "Make room there, or set SIZEWISE_CACHE to a folder that can be written.",
        ) from error
    return folder


def _put_in_place(made: Path, folder: Path, is_whole: Callable[[Path], bool]) -> None:
    if folder.exists():
        if is_whole(folder):
            return
        folder.rename(made.with_name("broken"))
    try:
        made.rename(folder)
    except OSError:
        # Another process was faster; a folder that is not empty can't be replaced.
        if not is_whole(folder):
            raise


def _remove_abandoned(root: Path) -> None:
    """What makings that were killed left behind."""
    for left in root.glob(f"{_MAKING}*"):
        if left.stat().st_mtime < time.time() - _ABANDONED_AFTER_S:
            shutil.rmtree(left, ignore_errors=True)
