"""Writes that leave nothing half-written, and that fail with a sentence."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sizewise.core.errors import OutputError
from sizewise.core.options import spelled

_TODO = {
    errno.ENOSPC: "Free some space, or choose another folder with {}; finished work is kept.",
    errno.EDQUOT: "Your quota is used up: free some space, or choose another folder with {}.",
}
_TODO_ELSE = "Choose a folder that you may write to with {}."


def output_error(path: Path, error: OSError) -> OutputError:
    """The error for a write that the system refused."""
    why = (error.strerror or str(error)).lower()
    todo = _TODO.get(error.errno or 0, _TODO_ELSE).format(spelled("out"))
    return OutputError(f"{path} can't be written", why, todo)


def output_folder(path: Path) -> Path:
    """Make the folder where it is missing, and check that it can be written to. Raises
    OutputError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise output_error(path, error) from error


def user_folder(variable: str, *below_home: str) -> Path:
    """The folder that the environment's ``variable`` names, else ``below_home`` in the user's home.

    Raises OutputError where there is no home, as for a user whom the system does not know.
    """
    if named := os.environ.get(variable):
        return Path(named)
    try:
        return Path.home().joinpath(*below_home)
    except RuntimeError as error:
        raise OutputError(
            "sizewise has no folder for its files of yours",
            f"neither {variable} nor HOME is set, and the system knows no home of this user",
            f"Let {variable} name a folder that you may write to.",
        ) from error


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, renamed to it when the block ends well, else deleted.

    Raises OutputError where the system refuses a write within the block.
    """
    output_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        draft.unlink(missing_ok=True)
