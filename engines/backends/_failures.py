"""Errors that a library raises, as errors of ours that keep the library's own sentence."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sizewise.core.errors import BuildError, EngineError, EngineMismatchError, InferenceError

_LONGEST = 500
_ROOM_BYTES = 2**20
"""A disk with less free than this is full: what was being written has taken the rest."""
_NO_MEMORY = re.compile(r"bad_?\s?alloc|fail\w* to allocate|not enough memory|out of memory", re.I)

Errors = tuple[type[Exception], ...]
E = TypeVar("E", bound=EngineError)


_BUILD_OTHERWISE = "Try another back end or graph fusion, or export the model again."


@contextmanager
def building(
    backend: str, errors: Errors, todo: str = _BUILD_OTHERWISE, *, folder: Path | None = None
) -> Iterator[None]:
    """Turn ``errors`` into a BuildError, or into an OSError where the disk of ``folder`` is full:
    libraries say so in words of their own, such as "Protobuf serialization failed"."""
    try:
        yield
    except errors as error:
        if folder is not None and shutil.disk_usage(folder).free < _ROOM_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise _told(BuildError, f"{backend} could not build the engine", error, todo) from error


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
