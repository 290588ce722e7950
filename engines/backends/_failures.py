"""Errors that a library raises, as errors of ours that keep the library's own sentence."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sizewise.core.errors import (
    BuildError,
    EngineError,
    EngineMismatchError,
    InferenceError,
    OutputError,
)
from sizewise.core.files import OF_WRITES, refusal

_LONGEST = 500
_OF_DISKS = {os.strerror(n): n for n in (*OF_WRITES, errno.EIO)}
_UNWRITTEN = re.compile(r"protobuf serialization failed|fail\w* (to )?writ(e|ing)\b", re.I)
"""What libraries say where a write failed. ONNX Runtime says the first of too large a graph, too,
and none such gets there."""
_NO_MEMORY = re.compile(r"bad_?\s?alloc|fail\w* to allocate|not enough memory|out of memory", re.I)

Errors = tuple[type[Exception], ...]
E = TypeVar("E", bound=EngineError)


_BUILD_OTHERWISE = "Try another back end or graph fusion, or export the model again."


@contextmanager
def building(
    backend: str, errors: Errors, todo: str = _BUILD_OTHERWISE, *, folders: Sequence[Path] = ()
) -> Iterator[None]:
    """Turn ``errors`` into a BuildError; into an OSError or OutputError where a library could not
    write into one of the ``folders``, which it says in words of its own."""
    try:
        yield
    except errors as error:
        if why := _of_disk(backend, folders, str(error)):
            raise why from error
        raise _told(BuildError, f"{backend} could not build the engine", error, todo) from error


def unwritten(backend: str, folder: Path, said: str) -> OSError | OutputError:
    """The error of a library's write into ``folder`` that failed, whatever it ``said``."""
    return refusal(folder) or OutputError(
        f"{folder} can't be written",
        f"a write of {backend} failed, and it does not say why ({said.strip()[:_LONGEST]})",
        "Check the disk, and run the same command again.",
    )


def _of_disk(backend: str, folders: Sequence[Path], said: str) -> OSError | OutputError | None:
    """Why a library could not write into one of the folders that it writes to; None where that is
    not what went wrong."""
    for words, number in _OF_DISKS.items():
        if words in said:
            return OSError(number, words)
    for folder in folders:
        if refused := refusal(folder):
            return OSError(refused.errno, refused.strerror, str(folder))
    if folders and _UNWRITTEN.search(said):
        return unwritten(backend, folders[0], said)
    return None


@contextmanager
def opening(backend: str, errors: Errors) -> Iterator[None]:
    """Turn ``errors`` into an EngineMismatchError."""
    try:
        yield
    except errors as error:
        what, todo = f"{backend} could not open the engine", "Build it again with sizewise build."
        raise _told(EngineMismatchError, what, error, todo) from error


def refused_options(backend: str, why: str, todo: str) -> BuildError:
    """The error of ours where a library does not take the options that it was given."""
    what = f"{backend} did not take the requested settings"
    return BuildError(what, why, todo, reason_code="unsupported_options")


def failed_call(backend: str, error: Exception) -> InferenceError:
    """The error of ours for a failed call.

    No context manager: a call is what is timed, and one costs a microsecond.
    """
    todo = "See whether the model runs at this size in the back end torch_eager or another."
    return _told(InferenceError, f"{backend} failed in a call", error, todo)


def _told(kind: type[E], what: str, error: Exception, todo: str) -> E:
    said = " ".join(str(error).split())[:_LONGEST] or type(error).__name__
    return kind(what, said, todo, reason_code=_code(error, said))


def _code(error: Exception, said: str) -> str:
    if not isinstance(error, MemoryError) and not _NO_MEMORY.search(said):
        return "error"
    return "oom_device" if "CUDA" in said else "oom_host"
