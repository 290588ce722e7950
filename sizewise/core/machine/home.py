"""The user's home, in which libraries would leave files when they are imported."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_NAMED = "MPLCONFIGDIR"


def spare_home_of_matplotlib() -> None:
    """Have matplotlib keep its list of fonts in a temporary folder. Call it before the import.

    The import makes two folders in the home, and leaves that list there. Where the user has a
    folder of matplotlib's, or names one, nothing changes: it saves reading all fonts again.
    """
    if os.environ.get(_NAMED) or any(folder.exists() for folder in _of_matplotlib()):
        return
    scratch = tempfile.mkdtemp(prefix="sizewise-matplotlib-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    os.environ[_NAMED] = scratch


def _of_matplotlib() -> Iterator[Path]:
    """Where matplotlib has its settings and its list of fonts, unless it is told otherwise."""
    try:
        home = Path.home()
    except RuntimeError:  # the system knows no home of this user
        return
    yield home / ".matplotlib"
    for variable, usual in (("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache")):
        yield Path(os.environ.get(variable) or home / usual) / "matplotlib"
