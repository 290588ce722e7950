"""Files that are there to be read, and writes that end whole or in a sentence."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from sizewise.core.errors import InputError, OutputError
from sizewise.core.holding.drafts import draft_of
from sizewise.core.options.declared import spelled
from sizewise.core.options.limits import Limit

_TODO = {
    errno.ENOSPC: "Free some space, or choose another folder with {}; finished work is kept.",
    errno.EDQUOT: "Your quota is used up: free some space, or choose another folder with {}.",
    errno.EROFS: "The disk can only be read: choose another folder with {}.",
    errno.EFBIG: "Raise the limit on the size of a file (ulimit -f); finished work is kept.",
    errno.EIO: "Check the disk, or choose another folder with {}; finished work is kept.",
}
OF_WRITES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Numbers of errors that no read ends with."""
_TODO_ELSE = "Choose a folder that you may write to with {}."
_NO_TEXT = "its path holds bytes that are no text in UTF-8"
_PROBE_BYTES = 2**20
_IS_THERE = (errno.ENOTEMPTY, errno.EEXIST, *((errno.EACCES,) if os.name == "nt" else ()))
_NO_FILES = {
    stat.S_IFIFO: "it is a pipe, and not a file",
    stat.S_IFSOCK: "it is a socket, and not a file",
    stat.S_IFCHR: "it is a device, and not a file",
    stat.S_IFBLK: "it is a device, and not a file",
}


def open_file(path: Path, *, follow: bool = True) -> BufferedReader:
    """Open a file to be read, a regular one: a pipe may wait for ever, a device have no end. A link
    is followed unless ``follow`` is False.

    Raises OSError, whose ``strerror`` says what else it is.
    """
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # a null byte, which TOML and JSON can write
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    _demand_regular(mode, path)
    names = ("O_NONBLOCK", "O_BINARY", *(() if follow else ("O_NOFOLLOW",)))
    flags = sum((getattr(os, name, 0) for name in names), os.O_RDONLY)
    # Looked at again: it may be another one by now, which does not block.
    file = os.fdopen(os.open(path, flags), "rb")
    try:
        _demand_regular(os.fstat(file.fileno()).st_mode, path)
    except OSError:
        file.close()
        raise
    return file


def _demand_regular(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        why = _NO_FILES.get(stat.S_IFMT(mode), "it is not a file")
        raise OSError(errno.EINVAL, why, str(path))


def read_file(path: Path, limit: Limit, *, follow: bool = True) -> bytes:
    """The bytes of a regular file, of at most ``limit``; ``follow`` as in :func:`open_file`. Raises
    OSError as that does, and InputError where it is larger."""
    with open_file(path, follow=follow) as file:
        length = os.fstat(file.fileno()).st_size
        demand_length(path, length, limit)
        return file.read(length)


def demand_length(path: Path, length: int, limit: Limit) -> None:
    """Raises InputError where a file of ``length`` bytes is larger than ``limit``."""
    if why := limit.excess(length):
        raise InputError(f"{path} can't be read", f"its {why}", limit.todo)


def demand_file(path: Path) -> None:
    """Raises InputError where there is no file at ``path``, or its whole path is no text."""
    what, todo = f"{path} can't be opened", "Check the path and try again."
    demand_place(path)
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
        kind = 0 if is_file or not path.exists() else stat.S_IFMT(path.stat().st_mode)
    except OSError as error:  # of a folder above it, or of its name
        raise InputError(what, (error.strerror or str(error)).lower(), todo) from error
    if not is_file:
        why = "it is a folder, and not a file" if is_folder else "there is no such file"
        raise InputError(what, _NO_FILES.get(kind, why), todo)


def demand_text(*paths: Path) -> None:
    """Raises InputError where a path is no text."""
    for path in paths:
        if not _is_text(str(path)):
            todo = "Rename it, or move it to a folder whose path is text."
            raise InputError(f"{path} can't be opened", _NO_TEXT, todo)


def demand_place(path: Path) -> None:
    """Raises InputError where a path, or the place that it leads to, is no text."""
    demand_text(path)
    with suppress(OSError, ValueError):  # it leads nowhere, which is found out where it is opened
        demand_text(Path(os.path.realpath(path)))


def _is_text(path: str) -> bool:
    """Whether a path is text. Linux takes any bytes for a name; JSON, SQLite and the libraries,
    which all get it, do not."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def output_error(path: Path, error: OSError) -> OutputError:
    """The error for a write that the system refused."""
    why = (error.strerror or str(error)).lower()
    todo = _TODO.get(error.errno or 0, _TODO_ELSE).format(spelled("out"))
    return OutputError(f"{path} can't be written", why, todo)


def output_folder(path: Path) -> Path:
    """Make the folder where it is missing, and check that it can be written to. Raises
    OutputError, also where its path is no text."""
    if not _is_text(str(path)):
        todo = f"Choose a folder whose path is text with {spelled('out')}."
        raise OutputError(f"{path} can't be written", _NO_TEXT, todo)
    return _made(path)


def _made(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise output_error(path, error) from error


def refusal(folder: Path) -> OSError | None:
    """What the system says to a write into a folder; None where it takes a file of 1 MiB.

    Libraries say that a write failed in words of their own, without the reason.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None


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
    """A temporary path beside ``path``, renamed to it when the block ends well, else deleted. After
    a loss of power, too, ``path`` is the old file or the whole new one. What writers of the same
    file left who were killed is removed.

    Raises OutputError where the system refuses a write within the block.
    """
    _made(path.parent)
    with draft_of(path) as draft:
        try:
            yield draft
            rename_durably(draft, path)
        except OSError as error:
            raise output_error(path, error) from error


def rename_durably(draft: Path, path: Path) -> None:
    """Rename a file, or a folder with all that is in it, so that ``path`` is whole even after a
    loss of power. Raises OSError.

    A new name may reach the disk before what was written under the old one does (rename(2) promises
    no order), and stays in memory itself until its folder is flushed (fsync(2)).
    """
    below = sorted(draft.rglob("*")) if draft.is_dir() else []
    for written in (*below, draft):
        if not written.is_symlink():
            flush(written)
    draft.replace(path)
    flush(path.parent)


def remove_all(path: Path) -> None:
    """Remove a folder with all that is in it, or whatever else has its name, as far as the system
    lets us. ``shutil.rmtree`` opens what it is given, and waits for ever at a pipe."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()


def is_there(error: OSError) -> bool:
    """Whether a folder got no name because another one has it: of two processes that make the same,
    one is first. Whatever else fails is a failure, a flush after the rename, too."""
    return error.errno in _IS_THERE


def flush(path: Path) -> None:
    """Write what the system holds of a file or folder to the disk. Raises OSError."""
    windows, folder = os.name == "nt", path.is_dir()
    if windows and folder:  # it opens no folder, and keeps the order of names by itself
        return
    handle = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some file systems of a network flush no folders: fsync(2), EINVAL.
        if not folder or error.errno != errno.EINVAL:
            raise
    finally:
        os.close(handle)
